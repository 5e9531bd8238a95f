# Runs commands and tells what they took: wall time, processor time of the whole tree, the watcher's memory.

import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 120  # seconds, for one run of a workload


class Failure(Exception):
    """The measurement cannot go on."""


@dataclass
class Sample:
    """One run of a workload one way."""
    seconds: float
    processor: float
    latency: dict = field(default_factory=dict)  # milliseconds by percentile, of a server's clients
    memory: list = field(default_factory=list)   # kilobytes of the watcher, every so often
    said: str = ""                               # on standard error


def children_time():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Memory(threading.Thread):
    """Reads a process's resident memory until it is gone."""

    def __init__(self, process, interval=0.05):
        super().__init__(daemon=True)
        self.process, self.interval, self.kilobytes = process, interval, []

    def run(self):
        while True:
            try:
                pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
            except (OSError, IndexError, ValueError):
                return
            if pages == 0:
                return
            self.kilobytes.append(pages * os.sysconf("SC_PAGE_SIZE") // 1024)
            time.sleep(self.interval)


def run(command, watches_memory=False, environment=None, folder=None):
    """Runs a command to its end."""
    with tempfile.TemporaryFile() as errors:
        used, begin = children_time(), time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
            env=environment, cwd=folder)
        memory = Memory(process.pid) if watches_memory else None
        if memory:
            memory.start()

        def expire(*_):
            raise Failure(f"not done in {LIMIT} s: {' '.join(command)[:200]}")

        # A wait with a time limit polls with sleeps of up to 50 ms, which would end up in the result.
        signal.signal(signal.SIGALRM, expire)
        signal.alarm(LIMIT)
        try:
            code = process.wait()
            seconds = time.perf_counter() - begin
        finally:
            signal.alarm(0)
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        errors.seek(0)
        text = errors.read().decode(errors="replace")
        if code != 0:
            raise Failure(f"exit code {code}: {' '.join(command)[:200]}\n{text[-500:]}")
        return Sample(seconds, children_time() - used, memory=memory.kilobytes if memory else [], said=text)


class Server:
    """A server that is watched, for as long as its clients need it."""

    def __init__(self, command, is_ready):
        self.used = children_time()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        deadline = time.monotonic() + 20
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise Failure(f"the server did not start: {' '.join(command)[:200]}")
            time.sleep(0.02)

    def end(self):
        """Ends it as its users would, and answers the processor seconds of its tree."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        return children_time() - self.used


def other_work():
    """Processor seconds that all but this program and its children have used."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    used = (user + nice + system) / os.sysconf("SC_CLK_TCK")
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        used -= usage.ru_utime + usage.ru_stime
    return used
