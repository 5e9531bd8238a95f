# What is measured: loops of one call, and programs that people run; each says whether it can run here.

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from processes import Failure, Sample, Server, children_time, run

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "Tests" / "Programs"
DOCUMENTS = Path("/usr/share/doc")

GETPPID_CALLS = 10_000
OPEN_CLOSE_ROUNDS = 3_000
FIND_ENTRIES = 400
COMPILED_FILES = 6
COMPILED_FUNCTIONS = 60
CLONED_FILES = 200
FORKED_CHILDREN = 200
REDIS_REQUESTS = 4_000
WEB_SECONDS = 1


class Unavailable(Exception):
    """The workload cannot run here, and why."""


def require(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Unavailable(f"{program} is not installed")


class Command:
    """A workload that is a command; `prepare` runs before each round and is not measured."""

    def __init__(self, command, prepare=None):
        self.command, self.prepare = command, prepare

    def sample(self, prefix, watches_memory=False):
        if self.prepare:
            self.prepare()
        return run([*prefix, *self.command], watches_memory)


def compiled(name, scratch):
    program = str(scratch / name)
    if not os.path.exists(program):
        run(["gcc", "-O2", "-pthread", "-o", program, str(PROGRAMS / f"{name}.c")])
    return program


def find(_):
    entries = sorted(map(str, DOCUMENTS.iterdir())) if DOCUMENTS.is_dir() else []
    if not entries:
        raise Unavailable(f"it needs {DOCUMENTS}")
    require("find")
    return Command(["find", *entries[:FIND_ENTRIES]])


def source(number):
    """A C file with enough in it that the compiler has some work to do."""
    lines = [f"#include <{header}.h>" for header in ("stdio", "stdlib", "string", "unistd")]
    for index in range(COMPILED_FUNCTIONS):
        lines.append(f"int f_{number}_{index}(int value) {{ return printf(\"%d\\n\", value * {index}); }}")
    return "\n".join(lines) + "\n"


def build(scratch):
    require("make", "gcc")
    folder = scratch / "build"
    folder.mkdir(exist_ok=True)
    objects = " ".join(f"{number}.o" for number in range(COMPILED_FILES))
    for number in range(COMPILED_FILES):
        (folder / f"{number}.c").write_text(source(number))
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    (folder / "Makefile").write_text(f"program: main.o {objects}\n\tgcc -o $@ $^\n")
    return Command(["make", "-B", "-s", "-j2", "-C", str(folder)])


def clone(scratch):
    require("git")
    origin, copy = scratch / "origin", scratch / "copy"
    if not origin.exists():
        origin.mkdir()
        for number in range(CLONED_FILES):
            (origin / f"{number}.txt").write_text(f"{number}\n" * 50)
        who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "files"]):
            run(["git", "-C", str(origin), *words])
    # Objects are copied, not linked, so that there is something to do.
    return Command(
        ["git", "clone", "-q", "--no-hardlinks", str(origin), str(copy)],
        lambda: shutil.rmtree(copy, ignore_errors=True))


class Redis:
    """redis-server for a client that is not watched."""

    def __init__(self, scratch):
        require("redis-server", "redis-benchmark")
        self.socket = scratch / "redis.sock"

    def sample(self, prefix, watches_memory=False):
        self.socket.unlink(missing_ok=True)
        server = Server(
            [*prefix, "redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly",
             "no"], self.socket.exists)
        begin, client = time.perf_counter(), children_time()
        try:
            answer = subprocess.run(
                ["redis-benchmark", "-s", str(self.socket), "-n", str(REDIS_REQUESTS), "-c", "10", "-t", "get",
                 "--csv"], capture_output=True, text=True, timeout=60)
            seconds, client = time.perf_counter() - begin, children_time() - client
        finally:
            processor = server.end()
        lines = [line.replace('"', "").split(",") for line in answer.stdout.splitlines() if line.startswith('"')]
        row = dict(zip(lines[0], lines[-1])) if len(lines) > 1 else {}
        latency = {name: float(row[f"{name}_latency_ms"]) for name in ("p50", "p95", "p99")
                   if f"{name}_latency_ms" in row}
        return Sample(seconds, processor - client, latency)


class Web:
    """nginx for wrk, which asks as often as it can for a fixed time: the seconds are those of a thousand requests."""

    def __init__(self, scratch):
        require("nginx", "wrk")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (scratch / "page.html").write_text("x" * 1000)
        self.configuration = scratch / "nginx.conf"
        self.configuration.write_text(
            f"daemon off; worker_processes 1; pid {scratch}/nginx.pid; error_log /dev/null; user root;\n"
            "events { worker_connections 64; }\n"
            f"http {{ access_log off; server {{ listen 127.0.0.1:{self.port}; root {scratch}; }} }}\n")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def sample(self, prefix, watches_memory=False):
        server = Server([*prefix, "nginx", "-c", str(self.configuration)], self.answers)
        client = children_time()
        try:
            answer = subprocess.run(
                ["wrk", "-t1", "-c8", f"-d{WEB_SECONDS}s", "--latency", f"http://127.0.0.1:{self.port}/page.html"],
                capture_output=True, text=True, timeout=60)
            client = children_time() - client
        finally:
            processor = server.end()
        words = {line.split()[0]: line.split()[-1] for line in answer.stdout.splitlines() if line.strip()}
        if "Requests/sec:" not in words:
            raise Failure(f"wrk says: {answer.stdout[-300:]}{answer.stderr[-300:]}")
        latency = {name: milliseconds(words[key]) for name, key in (("p50", "50%"), ("p99", "99%")) if key in words}
        rate = float(words["Requests/sec:"])
        per_thousand = (processor - client) / max(1, rate * WEB_SECONDS) * 1000
        return Sample(1000 / max(rate, 1e-3), per_thousand, latency)


def milliseconds(text):
    for unit, factor in (("us", 1e-3), ("ms", 1), ("s", 1e3)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    return float(text)


# The interpreter itself: python3 on the path may be a launcher written in shell.
WORKLOADS = {
    "start": lambda _: Command([shutil.which("true") or "/bin/true"]),
    "getppid": lambda scratch: Command([compiled("getppid_loop", scratch), str(GETPPID_CALLS)]),
    "open-close": lambda scratch: Command([compiled("open_close_loop", scratch), str(OPEN_CLOSE_ROUNDS)]),
    "find": find,
    "git-clone": clone,
    "make-j2": build,
    "python": lambda _: Command([sys.executable, "-I", "-c", "import json,argparse"]),
    "fork-storm": lambda scratch: Command([compiled("fork_storm", scratch), str(FORKED_CHILDREN)]),
    "500-threads": lambda scratch: Command([compiled("many_threads", scratch), "0"]),
    "redis": Redis,
    "nginx": Web,
}
