# What stands behind filter and broker: limits, the end of all with the supervisor, and what is said of it.

import os
import re
import signal
import subprocess
import time

import attacks
import rights
from harness import Skip, ending, require, short

MOST = 8


def tasks_case(suite, folder, what, user):
    """Processes and threads are counted for this tree alone, and for root too."""
    options = attacks.as_user(user)
    place, policy = rights.arena(suite, folder, user, f"limits: {{{{processes: {MOST}}}}}\n")
    command = [place / "programs/many_tasks", place, MOST, what]
    code, output, errors = rights.execute(suite, command, **options)
    require(code == attacks.WON, f"bare {ending(code)}: {short(output)} {short(errors)}")
    code, output, errors = rights.under(suite, policy, command, **options)
    require((code, int(output)) == (attacks.HELD, MOST - 1), f"{ending(code)} made {short(output)} {errors[-300:]}")
    # What has ended makes room.
    loop = "i=0; while [ $i -lt 20 ]; do /usr/bin/true || exit 9; i=$((i+1)); done; echo made"
    code, output, errors = rights.under(suite, policy, ["sh", "-c", loop], **options)
    require((code, output) == (0, b"made\n"), f"{ending(code)} '{short(output)}' {errors[-300:]}")


def time_case(suite, folder, user):
    place, policy = rights.arena(suite, folder, user, "limits: {{time: 1s}}\n")
    shell = "trap '' TERM INT HUP; sleep 500 & sleep 500; echo lives"
    code, output, errors = rights.under(suite, policy, ["sh", "-c", shell], **attacks.as_user(user))
    require(code == -signal.SIGKILL and not output, f"{ending(code)} '{short(output)}' {errors[-300:]}")
    require("time of 1 s is over" in errors, f"nothing is said: {errors[-300:]}")
    require(not suite.strays(), "processes of the tree live on")
    code, output, errors = rights.under(suite, policy.with_name("policy.yaml"), ["/usr/bin/true"],
                                        **attacks.as_user(user))
    require(code == 0, f"a short run: {ending(code)} {errors[-300:]}")


STOPPED = """abitrace: policy/1
name: stopped
default: allow
limits: {time: 1s}
"""


def stopped_case(suite, user):
    """Whoever stops the supervisor has no more time for that."""
    policy = suite.path(".yaml")
    policy.write_text(STOPPED)
    shell = "kill -STOP $PPID && echo stopped; while :; do :; done"
    process = suite.start([suite.tracer, "run", "--policy", policy, "--", "sh", "-c", shell], **attacks.as_user(user))
    output, errors = process.communicate()
    require((process.returncode, output) == (-signal.SIGKILL, b"stopped\n"),
            f"{ending(process.returncode)} {short(output)} {short(errors)}")
    require(not suite.strays(), "processes of the tree live on")


def killed_case(suite, folder, user):
    """A supervisor that is killed takes every process along, daemons too."""
    place, policy = rights.arena(suite, folder, user, "")
    shell = "setsid sleep 500 & sleep 500 & echo ready; sleep 500"
    process = suite.start([suite.tracer, "run", "--policy", policy, "--", "sh", "-c", shell], **attacks.as_user(user))
    require(process.stdout.readline() == b"ready\n", "it did not start")
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    for _ in range(100):
        if not suite.strays():
            return
        time.sleep(0.1)
    require(False, f"{suite.strays()} live on")


def dump_case(suite, folder, user):
    """The kernel itself would write a dump of the program into a directory that only the policy protects."""
    pattern = open("/proc/sys/kernel/core_pattern").read().strip()
    if not re.fullmatch(r"[^|/]+", pattern):
        raise Skip(f"dumps go to {pattern} here")
    for is_held, wanted in ((False, attacks.WON), (True, attacks.HELD)):
        place, policy = rights.arena(suite, folder, user, "  {arena}: rw+create+delete\n  {arena}/fixed: ro\n")
        command = [place / "programs/dump", place]
        options = attacks.as_user(user)
        code, output, errors = (rights.under(suite, policy, command, **options) if is_held
                                else rights.execute(suite, command, **options))
        require(code == wanted, f"{ending(code)} instead of {wanted}: {short(output)} {errors[-300:]}")


STARVED = """abitrace: policy/1
name: starved
default: allow
files: {{{arena}/closed: none}}
handles: {{stdin: read}}
"""


def starved_case(suite, folder, user):
    """A supervisor that can open nothing refuses what it would have to look at."""
    options = attacks.as_user(user)
    won = []
    for held in (False, True):
        place = attacks.arena(suite, folder, user)
        (place / "policy.yaml").write_text(STARVED.format(arena=place))
        victim = subprocess.Popen(["sleep", "100"], start_new_session=True, **options)
        prefix = [suite.tracer, "run", "--policy", place / "policy.yaml", "--"] if held else ["sh", "-c", '"$@"; exit $?', "sh"]
        command = ["env", f"VICTIM={victim.pid}", place / "programs/starved", place, "memory", "protect"]
        try:
            with open(place / "open/file", "r+b") as given:
                code, output, errors = suite.execute([*prefix, *command], stdin=given, **options)
        finally:
            victim.kill()
            victim.wait()
        require(code in (attacks.WON, attacks.HELD), f"{ending(code)} {short(errors)[-300:]}")
        won.append(output.decode().split())
    require(won == [["memory", "protect"], []], f"bare, held: {won}")


OWN_RULES = """import ctypes, os, struct, sys
call = ctypes.CDLL(None, use_errno=True).syscall
def fails(what):
    print(what, os.strerror(ctypes.get_errno()))
    sys.exit()
# landlock_create_ruleset with LANDLOCK_ACCESS_FS_READ_FILE, PR_SET_NO_NEW_PRIVS, landlock_restrict_self
rules = call(444, struct.pack("Q", 4), 8, 0)
if rules < 0: fails("no rules:")
call(157, 38, 1, 0, 0, 0)
if call(446, rules, 0) < 0: fails("not restricted:")
try: open("/etc/passwd").close()
except PermissionError: print("restricted")
else: print("rules without effect")
"""


def own_rules_case(suite):
    """What a program forbids itself is forbidden, or it is told that it cannot forbid it."""
    place, policy = rights.arena(suite, attacks.build(suite), None, "")
    command = ["/usr/bin/python3", "-S", "-c", OWN_RULES]
    code, output, errors = rights.execute(suite, command)
    if output.startswith(b"no rules"):
        raise Skip("this kernel has no Landlock")
    require((code, output) == (0, b"restricted\n"), f"bare {ending(code)} {short(output)} {short(errors)}")
    code, output, errors = rights.under(suite, policy, command)
    require((code, output) == (0, b"no rules: Operation not supported\n"), f"{ending(code)} {short(output)} {errors[-300:]}")


def hidden_case(suite, folder, user):
    """Nobody of the same user may look into the supervisor, nor into what it holds."""
    place, policy = rights.arena(suite, folder, user, "")
    shell = 'echo $PPID; sleep 500'
    process = suite.start([suite.tracer, "run", "--policy", policy, "--", "sh", "-c", shell], **attacks.as_user(user))
    supervisor = int(process.stdout.readline())
    reader = [f"exec 3</proc/{supervisor}/mem && echo open"]
    code, output, _ = rights.execute(suite, ["sh", "-c", *reader], **attacks.as_user(user))
    suite.end_strays()
    process.communicate()
    require(b"open" not in output, "an ordinary user opens the supervisor's memory")


def explained_case(suite, folder):
    place, policy = rights.arena(suite, folder, None, "  {arena}/programs/program: ro\nlimits: {{time: 1s}}\n")
    code, output, errors = suite.execute([suite.tracer, "policy", "explain", policy])
    require(code == 0, errors)
    lines = output.decode().splitlines()
    code, doctor, _ = suite.execute([suite.tracer, "doctor"])
    if b"Landlock  " not in doctor or b"-    Landlock" in doctor:
        raise Skip("this kernel has no Landlock")
    held = [line for line in lines if "Landlock too" in line]
    require(any("/etc ro " in line for line in held), f"not said of /etc: {lines}")
    # The directory above it may be run from, which no rule of Landlock takes away from a file in it.
    require(not any("programs/program" in line for line in held), f"said of what it does not hold: {held}")
    require(any("[supervisor]" in line for line in lines), f"nothing of the time limit: {lines}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("second") for prefix in suite.wanted):
        return
    folder = attacks.build(suite)
    with attacks.reachable(suite):
        for user in (None, "nobody"):
            if user and os.geteuid() != 0:
                continue
            who = user or "root"
            for what in ("processes", "threads"):
                suite.case(f"second/tasks/{what}/{who}", tasks_case, folder, what, user)
            suite.case(f"second/time/{who}", time_case, folder, user)
            suite.case(f"second/stopped/{who}", stopped_case, user)
            suite.case(f"second/killed/{who}", killed_case, folder, user)
            suite.case(f"second/dump/{who}", dump_case, folder, user)
            suite.case(f"second/starved/{who}", starved_case, folder, user)
        suite.case("second/hidden/nobody", hidden_case, folder, "nobody" if os.geteuid() == 0 else None)
        suite.case("second/own_rules", own_rules_case)
        suite.case("second/explained", explained_case, folder)
