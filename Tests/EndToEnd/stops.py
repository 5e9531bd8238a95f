# Descriptor tables of programs that people run, held to the real ones: processes are stopped at random moments, what
# /proc/PID/fd shows then is written down, and compared with what the recording tells of that moment.

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sys
import time
from pathlib import Path

from harness import ending, need, require, short
from objects import told_tables

# A process is looked at for so long, in seconds; one that did anything meanwhile was not stopped yet.
LOOK = 0.02
SAMPLES = 4

POOL = """
import multiprocessing as m, os, tempfile, time
def work(n):
    with tempfile.TemporaryFile() as f, open('/etc/passwd') as g:
        f.write(g.read().encode()); r, w = os.pipe(); os.write(w, b'x'); os.close(w); os.read(r, 1); os.close(r)
    return n
if __name__ == '__main__':
    end = time.monotonic() + 1
    while time.monotonic() < end:
        with m.Pool(3) as pool:
            q = m.Queue(); q.put(1); q.get(); pool.map(work, range(40))
"""
PASSING = """
import array, os, socket, time
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
end = time.monotonic() + 1
if os.fork() == 0:
    a.close(); held = []
    while time.monotonic() < end:
        try: _, fds, _, _ = socket.recv_fds(b, 1, 4)
        except OSError: break
        if not fds: break
        held += fds
        while len(held) > 9: os.close(held.pop(0))
    os._exit(0)
b.close()
while time.monotonic() < end:
    made = [os.open('/etc/passwd', os.O_RDONLY), os.memfd_create('passed'), *os.pipe2(os.O_CLOEXEC)]
    socket.send_fds(a, [b'x'], made)
    for fd in made: os.close(fd)
    time.sleep(0.001)
a.close(); os.wait()
"""
RANGES = """
import ctypes, os, subprocess, threading, time
libc = ctypes.CDLL(None, use_errno=True)
end = time.monotonic() + 1
def churn(renames):
    while time.monotonic() < end:
        fds = [os.open('/etc/passwd', os.O_RDONLY), os.dup(1), os.dup2(0, 60, inheritable=False)]
        if renames: os.rename('moving', 'moved'); os.rename('moved', 'moving')
        time.sleep(0.002)
        for fd in fds[:2]: os.close(fd)
open('moving', 'w').close(); held = open('moving')
# One renames: which of two renames came first is nothing that their returns tell.
threads = [threading.Thread(target=churn, args=[n == 0]) for n in range(3)]
[t.start() for t in threads]
while time.monotonic() < end:
    subprocess.run(['sh', '-c', 'exec 5</etc/passwd 6>&5; sleep 0.01; exec 5<&-; sleep 0.01'], close_fds=False)
    pid = os.fork()
    if pid == 0:
        libc.syscall(436, 3, 50, 4); time.sleep(0.01); libc.syscall(436, 10, 0xFFFFFFFF, 2); time.sleep(0.02); os._exit(0)
    fd = os.pidfd_open(pid)
    got = libc.syscall(438, fd, 1, 0)
    os.waitpid(pid, 0); os.close(fd)
    if got >= 0: os.close(got)
[t.join() for t in threads]
"""
PIPES = """
end=$((SECONDS+1)); while [ $SECONDS -lt $end ]; do
cat /etc/passwd | sort | tee copy | uniq -c | head -3 >/dev/null; exec 7<copy; read -u 7 line; (exec 8>&7; sleep 0.01)
exec 7<&-; cat <(echo a) <(sleep 0.01; echo b) >/dev/null; coproc cat; echo x >&"${COPROC[1]}"; kill $COPROC_PID
wait 2>/dev/null; done
"""
REDIS = """
redis-server --save '' --port 0 --unixsocket "$PWD/s" --dir . >/dev/null &
until redis-cli -s s ping >/dev/null 2>&1; do sleep 0.05; done
end=$((SECONDS+1)); while [ $SECONDS -lt $end ]; do redis-benchmark -s s -n 200 -c 6 -q -t set >/dev/null; done
redis-cli -s s shutdown nosave; wait
"""
GIT = """
git init -q o; cd o; for i in 1 2 3 4 5 6 7 8; do echo $i > f$i; done; git add .
git -c user.name=a -c user.email=a@b commit -qm one; cd ..
end=$((SECONDS+1)); while [ $SECONDS -lt $end ]; do rm -rf c; git clone -q --no-local o c; git -C c log --stat >/dev/null; done
"""


def descendants(process):
    found = []
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return found
    for child in children:
        found += [child, *descendants(child)]
    return found


def is_program(process, tracer):
    """Before its exec a child of abitrace has abitrace's descriptors, which are no business of a recording's."""
    try:
        return not os.path.samefile(f"/proc/{process}/exe", tracer)
    except OSError:
        return False


def real_table(process):
    table = {}
    for entry in os.listdir(f"/proc/{process}/fd"):
        name = os.readlink(f"/proc/{process}/fd/{entry}")
        flags = re.search(r"flags:\s+(\d+)", Path(f"/proc/{process}/fdinfo/{entry}").read_text())
        table[int(entry)] = (name, bool(int(flags[1], 8) & 0o2000000))
    return table


def look(process):
    """A process's table and the time while it stood still, None where it went on meanwhile or ended."""
    try:
        os.kill(process, signal.SIGSTOP)
    except ProcessLookupError:
        return None
    try:
        time.sleep(LOOK)
        began = time.time_ns()
        first = real_table(process)
        time.sleep(LOOK)
        second = real_table(process)
        ended = time.time_ns()
    except OSError:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
    return (process, began, ended, first) if first == second else None


def stops_case(suite, command):
    folder, recording = suite.path(".stops"), suite.path(".mcap")
    folder.mkdir()
    tracer = suite.start([suite.tracer, "record", "-o", recording, "--", *command], cwd=folder)
    draw = random.Random(1)
    samples = []
    while tracer.poll() is None and len(samples) < SAMPLES:
        living = [each for each in descendants(tracer.pid) if is_program(each, suite.tracer)]
        sample = look(draw.choice(living)) if living else None
        if sample:
            samples.append(sample)
        time.sleep(0.05)
    _, errors = tracer.communicate()
    require(tracer.returncode in (0, 1), f"{ending(tracer.returncode)}: {short(errors)}")
    code, output, errors = suite.execute([suite.tracer, "show", "--json", recording])
    events = [json.loads(line) for line in output.decode(errors="replace").splitlines()]
    start = min(event["time"] for event in events)
    compared = 0
    for process, began, ended, real in samples:
        moments = [(event["time"], event["event"]) for event in events if event["process"] == process]
        moments += [(event["time"] + event["duration"], "call") for event in events
                    if event["process"] == process and "duration" in event]
        before = [moment for moment in moments if moment[0] < began]
        if not before or max(before)[1] != "stopped" or any(began <= moment[0] <= ended for moment in moments):
            continue
        told = told_tables(suite, recording, f"{(began - start) / 1e9:.9f}").get(process)
        require(told is not None, f"process {process} is not told of")
        wrong = {number: (real.get(number), told.get(number))
                 for number in real.keys() | told.keys() if real.get(number) != told.get(number)}
        require(not wrong, f"process {process}: (really, told) differ: {wrong}")
        compared += 1
    require(compared >= 1, f"only {compared} of {len(samples)} processes stood still")


def run(suite):
    python = [sys.executable, "-I", "-c"]
    for name, program, command in (
            ("pool", None, [*python, POOL]), ("passing", None, [*python, PASSING]),
            ("ranges", None, [*python, RANGES]), ("forks", None, [suite.folder / "programs" / "forks_while_opening", "15"]), ("pipes", "bash", ["bash", "-c", PIPES]),
            ("redis", "redis-server", ["bash", "-c", REDIS]), ("git", "git", ["bash", "-c", GIT])):
        suite.case(f"stops/{name}", needing_case, program, command)


def needing_case(suite, program, command):
    if program:
        need(program)
    stops_case(suite, command)
