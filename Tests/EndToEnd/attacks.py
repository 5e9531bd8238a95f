# Attacks on an enforced policy: each gets through bare, and is held as root and as an ordinary user.

import os
import pwd
import shutil
from contextlib import contextmanager
from pathlib import Path

from harness import SYSTEM, Failure, Skip, require, short

ATTACKS = Path(__file__).resolve().parent.parent / "Attacks"
WON, HELD = 0, 3

POLICY = SYSTEM + """  /dev: ro
  {arena}: ro
  {arena}/open: rw+create+delete+attr
  {arena}/open/program: ro
  {arena}/closed: none
  {arena}/programs: ro+run
  {arena}/log: append+read
  {arena}/open/new/program: ro+run
"""

# All but one place.
OPEN_POLICY = """abitrace: policy/1
name: open
default: allow
files:
  {arena}/closed: none
"""

# All, and a rule about some files.
RULE_POLICY = """abitrace: policy/1
name: rules
default: allow
rules:
  - {{on: file.open, where: {{path: "{arena}/closed/**"}}, deny: EACCES}}
"""

# Every file is granted, and nothing of other processes.
ALL_POLICY = """abitrace: policy/1
name: all
files:
  /: all
"""

# All may be read, so that the kernel opens by itself.
READ_POLICY = """abitrace: policy/1
name: reads
default: allow
files:
  /: ro+run
"""

# Program and arguments, and whether it gets through bare for root, for an ordinary user.
BOTH, ROOT = (True, True), (True, False)
CASES = [
    (["flip_path", "1"], BOTH), (["flip_path", "8"], BOTH), (["flip_exec", "1"], BOTH), (["flip_exec", "8"], BOTH),
    (["swap_kinds", "1"], BOTH), (["swap_kinds", "8"], BOTH),
    (["swap_links", "1"], BOTH), (["swap_links", "8"], BOTH), (["other_names"], BOTH), (["widen"], BOTH),
    (["widen", "names"], BOTH), (["other_doors", "int80"], BOTH), (["other_doors", "high"], BOTH),
    (["other_doors", "x32"], BOTH),
    (["other_doors", "ring"], BOTH), (["other_doors", "handle"], ROOT), (["other_doors", "mount"], BOTH),
    (["supervisor", "ptrace"], BOTH), (["supervisor", "memory"], BOTH), (["supervisor", "memory to read"], BOTH), (["supervisor", "descriptors"], BOTH),
    (["supervisor", "environment"], BOTH), (["supervisor", "score"], BOTH),
    (["supervisor", "log"], ROOT), (["supervisor", "kernel"], ROOT), (["supervisor", "signal"], BOTH), (["supervisor", "signal handle"], BOTH), (["supervisor", "limit"], BOTH),
    (["supervisor", "vm"], BOTH), (["supervisor", "getfd"], BOTH), (["supervisor", "listener"], BOTH),
    (["supervisor", "untraced"], BOTH), (["supervisor", "userfault"], ROOT), (["unnamed_programs", "memory"], BOTH),
    (["unnamed_programs", "loader"], BOTH), (["unnamed_programs", "script"], BOTH),
    (["unnamed_programs", "plain"], BOTH),
]


# The loader makes a difference to these: it opens files and maps them before the attack begins.
LINKED_BOTH_WAYS = {"other_names", "unnamed_programs", "widen"}


def build(suite):
    """Compiles the attacks, static and dynamic."""
    folder = suite.folder / "attacks"
    folder.mkdir(exist_ok=True)
    for source in sorted(ATTACKS.glob("*.c")):
        for suffix, extra in (("", []), (".static", ["-static"])):
            command = ["gcc", "-O1", "-Wall", "-pthread", *extra, "-o", folder / (source.stem + suffix), source]
            code, _, errors = suite.execute(command)
            if code != 0:
                raise Failure(short(errors))
    return folder


def arena(suite, folder, user):
    """A fresh place with a hidden, a fixed and an open part, which all belong to the user who attacks."""
    place = suite.path(".arena")
    place.mkdir(mode=0o755)
    for name in ("open", "closed", "fixed", "programs"):
        (place / name).mkdir()
    (place / "open/file").write_text("open\n")
    (place / "closed/secret").write_text("SECRET\n")
    (place / "fixed/file").write_text("fixed\n")
    (place / "log").write_text("abcd")
    shutil.copy(folder / "program", place / "open/program")
    for attack in folder.iterdir():
        if attack.name != "program":
            shutil.copy(attack, place / "programs" / attack.name)
    (place / "policy.yaml").write_text(POLICY.format(arena=place))
    if user:
        entry = pwd.getpwnam(user)
        for path in [place, *place.rglob("*")]:
            os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    return place


def as_user(user):
    if not user:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def attack_case(suite, folder, attack, bare_wins, user, suffix, policy=POLICY):
    name, *arguments = attack
    options = as_user(user)
    place = arena(suite, folder, user)
    command = [place / "programs" / (name + suffix), place, *arguments]
    if bare_wins:
        if name == "supervisor":
            # The parent stands for the supervisor: one of the same user.
            command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
        command = ["env", "PATIENCE=50", *command]
        code, output, errors = suite.execute(command, **options)
        if code == HELD and name.startswith("flip"):
            code, output, errors = suite.execute(command, **options)
        if code == HELD and name in ("other_doors", "supervisor"):
            raise Skip(f"this kernel holds it without a policy: {errors[:80]}")
        require(code == WON, f"the attack does not work bare: {code} {errors[:200]}")
    place = arena(suite, folder, user)
    (place / "policy.yaml").write_text(policy.format(arena=place))
    command = [place / "programs" / (name + suffix), place, *arguments]
    code, output, errors = suite.execute(
        [suite.tracer, "run", "--policy", place / "policy.yaml", "--", *command], **options)
    require(code == HELD, f"{code} under the policy: {output.decode()[:200]} {errors[:300]}")


@contextmanager
def reachable(suite):
    """An ordinary user need not be able to reach the tree that the build is in."""
    os.chmod(suite.folder, 0o755)
    tracer = suite.tracer
    suite.tracer = suite.folder / "abitrace-for-all"
    if not suite.tracer.exists():
        shutil.copy(tracer, suite.tracer)
    try:
        yield
    finally:
        suite.tracer = tracer


def run(suite):
    if suite.wanted and not any(prefix.startswith("attack") for prefix in suite.wanted):
        return
    folder = build(suite)
    with reachable(suite):
        for attack, (as_root, as_ordinary) in CASES:
            for user, wins in ((None, as_root), ("nobody", as_ordinary)):
                if user and os.geteuid() != 0:
                    continue
                # A long run leaves nothing out.
                for suffix in ("", ".static") if attack[0] in LINKED_BOTH_WAYS or "TRIES" in os.environ else ("",):
                    name = "/".join(["attack", *attack, user or "root"]) + suffix
                    suite.case(name, attack_case, folder, attack, wins, user, suffix)
                    if attack[:2] in (["supervisor", "memory"], ["supervisor", "memory to read"], ["supervisor", "descriptors"]):
                        suite.case(name.replace("attack/", "attack/all_read/"), attack_case, folder, attack, wins, user, suffix,
                                   READ_POLICY)
                    if attack[0] == "supervisor" and attack[1] != "userfault":
                        suite.case(name.replace("attack/", "attack/all_files/"), attack_case, folder, attack, wins, user, suffix,
                                   ALL_POLICY)
                    if attack[0] == "other_doors":
                        suite.case(name.replace("attack/", "attack/but_a_rule/"), attack_case, folder, attack, wins, user,
                                   suffix, RULE_POLICY)
                        suite.case(name.replace("attack/", "attack/all_but_one/"), attack_case, folder, attack, wins, user,
                                   suffix, OPEN_POLICY)
