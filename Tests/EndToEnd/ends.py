# What is left when somebody ends: of a caller that is killed in a call, nothing that happens later; of abitrace, nothing.

import os
import signal
import time

import attacks
from harness import SYSTEM, ending, require, short

WAYS = [("reaped", 1, 60), ("reaped", 8, 20), ("closed", 1, 60), ("closed", 8, 20), ("executed", 1, 40), ("executed", 8, 20),
        ("sent", 1, 40), ("made", 1, 500)]
POLICY = SYSTEM + """  {arena}: ro
  {arena}/programs: ro+run
  {arena}/open: rw+create+delete
  {arena}/closed: none
network:
  connect: ["unix {arena}/open/*"]
  listen: ["unix {arena}/open/*"]
"""
# A daemon, a process that nobody can interrupt by a signal, threads that wait in calls: all tell that they live.
TREE = """import os, signal, sys, threading, time
place = sys.argv[1]
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
os.mkfifo(place + "/fifo")
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0: os._exit(0)
for _ in range(4): threading.Thread(target=lambda: open(place + "/fifo"), daemon=True).start()
mine = place + "/lives" + str(os.getpid())
while True:
    with open(mine, "a") as file: file.write("x")
    try: os.stat(place + "/" + "y" * 200 + str(time.time_ns()))
    except OSError: pass
"""
# Each call that waits takes a thread of abitrace's, and each refusal is remembered.
CROWD = """import os, sys, threading
place = sys.argv[1]
os.mkfifo(place + "/open/fifo")
threading.stack_size(65536)
def wait():
    try: open(place + "/open/fifo")
    except OSError: pass
for _ in range(24): threading.Thread(target=wait, daemon=True).start()
for number in range(100):
    try: print(open(place + "/closed/secret").read())
    except OSError: pass
    try: open("/root/" + "z" * 200 + str(number), "w")
    except OSError: pass
print("refused", flush=True)
os._exit(0)
"""


def place_and_policy(suite, folder, user):
    place = attacks.arena(suite, folder, user)
    policy = place / "policy.yaml"
    policy.write_text(POLICY.format(arena=place))
    return place, policy


def late_case(suite, folder, way, threads, tries, user):
    """Bare, a call ends before its caller is seen to be dead; held, one that is performed for it must too."""
    for under_policy in (False, True):
        place, policy = place_and_policy(suite, folder, user)
        command = [place / "programs/ghosts", place, way, str(threads), str(tries)]
        if under_policy:
            command = [suite.tracer, "run", "--policy", policy, "--", *command]
        code, output, errors = suite.execute(command, **attacks.as_user(user))
        require((code, output) == (0, b"0 late\n"),
                f"{'held' if under_policy else 'bare'}: {ending(code)} {short(output)} {short(errors)}")


def lives(place):
    return {file.name: file.stat().st_size for file in (place / "open").glob("lives*")}


def until(suite, condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        require(time.monotonic() < deadline, what)
        time.sleep(0.05)


def gone_case(suite, folder, number, user):
    """A supervisor that goes without a word takes its tree along, and nothing is done for anybody afterwards."""
    place, policy = place_and_policy(suite, folder, user)
    command = [suite.tracer, "run", "--policy", policy, "--", "/usr/bin/python3", "-S", "-c", TREE, place / "open"]
    process = suite.start(command, **attacks.as_user(user))
    until(suite, lambda: len(lives(place)) == 2 and all(lives(place).values()), "the tree does not begin")
    process.send_signal(number)
    process.communicate()
    require(process.returncode == -number, f"{ending(process.returncode)}")
    nothing_is_left(suite, place)


def nothing_is_left(suite, place):
    until(suite, lambda: not suite.strays(), f"its tree lives on: {suite.strays()}")
    before = lives(place)
    time.sleep(0.3)
    require(lives(place) == before, "its tree goes on writing")


def out_of_memory_case(suite, folder, user):
    """Where it gets no memory it refuses or ends, and its tree with it."""
    place, policy = place_and_policy(suite, folder, user)
    command = [suite.tracer, "run", "--policy", policy, "--", "/usr/bin/python3", "-S", "-c", CROWD, place]
    process = suite.start(["prlimit", f"--as={200 << 20}", *command], **attacks.as_user(user))
    output, errors = process.communicate()
    require(b"SECRET" not in output, f"a refusal that had no memory was none: {short(output)}")
    require(process.returncode < 0 or b"refused" in output, f"{ending(process.returncode)} {short(output)} {short(errors)}")
    nothing_is_left(suite, place)


def run(suite):
    if suite.wanted and not any(prefix.startswith("ends") for prefix in suite.wanted):
        return
    folder = attacks.build(suite)
    with attacks.reachable(suite):
        for user in (None, "nobody") if os.geteuid() == 0 else (None,):
            who = user or "root"
            for way, threads, tries in WAYS:
                suite.case(f"ends/{way}/{threads}/{who}", late_case, folder, way, threads, tries, user)
            for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
                suite.case(f"ends/{number.name}/{who}", gone_case, folder, number, user)
            suite.case(f"ends/out_of_memory/{who}", out_of_memory_case, folder, user)
