# The suite that runs cases and counts them, and what every case needs: a program bare and traced, and its trace by thread.

import os
import re
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parent / "Programs"
LIMIT = int(os.environ.get("LIMIT", 60))
MARK = "ABITRACE_END_TO_END"

# Arguments that a program is run with; programs that are not here run without.
ARGUMENTS = {
    "getppid_loop": ["200"], "open_close_loop": ["100"], "exit_code": ["42"], "kill_self": ["15"],
    "fork_storm": ["30"],
}


# What every program needs of the system, as the beginning of a policy that goes on with more files.
SYSTEM = """abitrace: policy/1
name: test
files:
  /usr: ro+run
  /lib: ro+run
  /lib64: ro+run
  /bin: ro+run
  /etc: ro
  /proc: ro
  /dev/null: rw
"""


class Failure(Exception):
    """A case did not hold."""


class Skip(Exception):
    """A case cannot run here."""


# Subcommands that see living programs; a first word that is no subcommand at all is one of the default's.
LIVE = {"record", "trace", "attach"}
NOT_LIVE = {
    "run", "show", "replay", "tree", "export", "report", "policy", "doctor", "syscalls", "explain", "personality", "help",
}


class Suite:
    def __init__(self, tracer, wanted, interceptor=""):
        self.tracer = tracer
        self.interceptor = interceptor
        # Cases that do not hold with this interceptor, and why.
        self.exceptions = {}
        self.wanted = wanted
        self.counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
        self.folder = Path(tempfile.mkdtemp(prefix="abitrace-end-to-end-"))
        self.mark = str(uuid.uuid4())
        self.number = 0

    def case(self, name, function, *arguments):
        if self.wanted and not any(name.startswith(prefix) for prefix in self.wanted):
            return
        self.mark = str(uuid.uuid4())
        signal.signal(signal.SIGALRM, on_limit)
        signal.alarm(LIMIT)
        verdict, reason = "PASS", ""
        try:
            if name in self.exceptions:
                raise Skip(f"{self.interceptor}: {self.exceptions[name]}")
            function(self, *arguments)
        except Skip as skip:
            verdict, reason = "SKIP", str(skip)
        except Failure as failure:
            verdict, reason = "FAIL", str(failure)
        except Exception as problem:
            verdict, reason = "FAIL", f"{type(problem).__name__}: {problem}"
        signal.alarm(0)
        self.end_strays()
        self.counts[verdict] += 1
        print(f"{verdict} {name} {reason}".rstrip(), flush=True)

    def path(self, suffix):
        self.number += 1
        return self.folder / f"{self.number}{suffix}"

    def with_interceptor(self, command):
        """The command with the interceptor that this run is about, where it watches anything."""
        words = [str(part) for part in command]
        if not self.interceptor or len(words) < 2 or words[0] != str(self.tracer) or words[1] in NOT_LIVE:
            return words
        place = 2 if words[1] in LIVE else 1
        if words[1] in ("--help", "--version") or any(word.startswith("--interceptor") for word in words):
            return words
        return [*words[:place], f"--interceptor={self.interceptor}", *words[place:]]

    def start(self, command, **options):
        command = self.with_interceptor(command)
        environment = dict(os.environ, **{MARK: self.mark, "LC_ALL": "C"})
        return subprocess.Popen(
            command, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment, start_new_session=True, **options)

    def execute(self, command, **options):
        process = self.start(command, **options)
        output, errors = process.communicate()
        return process.returncode, output, errors.decode(errors="replace")

    def traced(self, command, *flags, **options):
        trace = self.path(".trace")
        code, output, errors = self.execute([self.tracer, "-f", *flags, "-o", trace, "--", *command], **options)
        text = trace.read_text(errors="replace") if trace.exists() else ""
        return code, output, errors, text

    def strays(self):
        """Living processes that carry the mark of this case."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"{MARK}={self.mark}".encode() in environment and state not in "ZX":
                found.append(int(entry.name))
        return found

    def end_strays(self):
        for process in self.strays():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def program(self, name):
        binary = self.folder / "programs" / name
        require(binary.exists(), f"{name}.c did not compile")
        return [binary, *ARGUMENTS.get(name, [])]


def on_limit(number, frame):
    raise Failure(f"took longer than {LIMIT} s")


def require(condition, reason):
    if not condition:
        raise Failure(reason)


def ending(code):
    """A return code as text; shells and tracers may say a signal death as 128 + n, which is another thing."""
    return f"signal {-code}" if code < 0 else f"exit {code}"


def short(text, lines=4):
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return " | ".join(text.strip().splitlines()[:lines])[:300]


def by_thread(text):
    """The lines of a trace, by the thread that they begin with."""
    threads = {}
    for line in text.splitlines():
        match = re.match(r"(?:\[pid +)?(\d+)\]? +(.*)", line)
        require(match, f"line without a thread: {line[:120]}")
        threads.setdefault(int(match[1]), []).append(match[2])
    return threads


def check_ends(text, code):
    threads = by_thread(text)
    require(threads, "the trace is empty")
    for thread, lines in threads.items():
        moved = f"superseded by execve in pid {thread} " in text
        require(moved or lines[-1].startswith("+++ "), f"thread {thread} ends with: {lines[-1][:120]}")
    first = threads[next(iter(threads))][-1]
    if code >= 0:
        require(first == f"+++ exited with {code} +++", f"expected exit with {code}, trace ends with: {first}")
    else:
        name = signal.Signals(-code).name
        require(first.startswith(f"+++ killed by {name}"), f"expected death by {name}, trace ends with: {first}")


def compare_case(suite, command, varies=False, fresh=None):
    """The program does the same bare and traced; every thread's trace has an end."""
    if fresh:
        fresh()
    bare_code, bare_output, _ = suite.execute(command)
    if fresh:
        fresh()
    code, output, errors, text = suite.traced(command)
    require(code == bare_code, f"bare {ending(bare_code)}, traced {ending(code)}: {short(errors)}")
    require(varies or output == bare_output, f"bare printed '{short(bare_output)}', traced '{short(output)}'")
    check_ends(text, bare_code)
    return text


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")
