# What other mounts of procfs, and mounts of parts of it, say of processes outside a policy, of the supervisor, and of
# another namespace's: all of it can be read bare, and under a policy what the program's own processes say.

import os
import subprocess

import attacks
from harness import Skip, ending, require, short

# Prints the names that can be opened, and how many processes of the other namespace tell anything.
LOOK = """import os, sys
place, victim = sys.argv[1:]
def opens(name):
    try: os.close(os.open(name, os.O_RDONLY))
    except OSError: return False
    return True
names = sys.stdin.read().split()
numbers = {"victim": victim, "parent": str(os.getppid()), "own": str(os.getpid())}
for name in names:
    parts = [numbers.get(part, part) for part in name.split("/")]
    if opens(place + "/" + "/".join(parts)): print(name)
other = place + "/other/"
if os.path.isdir(other + "1"):
    files = [name + end for name in os.listdir(other) if name.isdigit() for end in ("/environ", "/mem")]
    print("others" if any(opens(other + name) for name in files) else "nobody")
"""
OTHERS = ["proc/victim/environ", "proc/victim/task/victim/environ", "proc/victim/mem", "process/environ", "process/mem",
          "environ", "proc/parent/environ", "proc/parent/mem", "proc/parent/task/parent/environ"]
MACHINES = ["proc/kmsg"]
OWN = ["proc/self/environ", "proc/self/fd/0", "proc/own/environ", "proc/own/mem", "proc/thread-self/environ", "proc/version"]
MOUNTS = """set -e
mount -t proc proc "$1/proc"
mount --bind "/proc/$2" "$1/process"
mount --bind "/proc/$2/environ" "$1/environ"
"""
OTHER = """set -e
mount --bind /proc "$1/other"
mount -t proc proc /proc
"""


def procfs_case(suite, user, is_foreign):
    """In mounts of its own, or in a namespace of processes that sees the one above it too."""
    results = []
    for held in (False, True):
        place = suite.path(".procfs")
        for name in ("proc", "process", "other"):
            (place / name).mkdir(parents=True)
        (place / "environ").write_text("")
        policy = place.with_suffix(".yaml")
        policy.write_text(attacks.ALL_POLICY)
        victim = subprocess.Popen(["sleep", "100"], env={"KEY": "SECRET"}, start_new_session=True,
                                  **attacks.as_user(user))
        change = [f"--reuid={user}", f"--regid={attacks.as_user(user)['group']}", "--clear-groups"] if user else []
        # Bare, a shell of the same user stands for the supervisor.
        prefix = [suite.tracer, "run", "--policy", policy, "--"] if held else ["sh", "-c", '"$@"; exit $?', "sh"]
        looks = ["setpriv", *change, *prefix, "/usr/bin/python3", "-S", "-c", LOOK, place, str(victim.pid)]
        space = ["unshare", "--mount", *(["--pid", "--fork"] if is_foreign else [])]
        script = (OTHER if is_foreign else MOUNTS) + 'shift 2\n"$@"\n'
        try:
            if suite.execute(["unshare", "--mount", "true"])[0] != 0:
                raise Skip("mounts of one's own cannot be had here")
            names = place / "names"
            names.write_text("\n".join(["other/version"] if is_foreign else OTHERS + MACHINES + OWN))
            with open(names) as given:
                code, output, errors = suite.execute(
                    [*space, "sh", "-c", script, "sh", place, str(victim.pid), *looks], stdin=given)
        finally:
            victim.kill()
            victim.wait()
        require(code == 0, f"{ending(code)} {short(errors)}")
        results.append(output.decode().splitlines())
    bare, held = results
    if is_foreign:
        require((bare, held) == (["other/version", "others"], ["other/version", "nobody"]), f"bare {bare}, held {held}")
        return
    wins = OTHERS + OWN if user else OTHERS + MACHINES + OWN
    require(set(bare) == set(wins), f"bare only {bare}")
    require(held == [name for name in bare if name in OWN], f"got through: {held}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("procfs") for prefix in suite.wanted):
        return
    if os.geteuid() != 0:
        return
    with attacks.reachable(suite):
        for user in (None, "nobody"):
            for name, is_foreign in (("mounts", False), ("namespace", True)):
                suite.case(f"procfs/{name}/{user or 'root'}", procfs_case, user, is_foreign)
