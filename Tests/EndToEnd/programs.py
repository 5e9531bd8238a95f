# Which programs run: by digest the file that really runs, its loader too; what is only in memory where it is named.

import hashlib
import os
import shutil
from pathlib import Path

import attacks
import rights
from harness import ending, require, short

LOADER = os.path.realpath("/lib64/ld-linux-x86-64.so.2")


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def loader_digest_case(suite, folder, user):
    cat = os.path.realpath("/usr/bin/cat")
    for name, expected in ((digest(LOADER), 0), ("0" * 64, 126)):
        more = f"programs:\n  {cat}: {{{{sha256: {digest(cat)}}}}}\n  {LOADER}: {{{{sha256: {name}}}}}\n"
        place, policy = rights.arena(suite, folder, user, more)
        code, _, errors = rights.under(suite, policy, ["cat", "/etc/passwd"], **attacks.as_user(user))
        require(code == expected, f"{ending(code)} instead of {expected}: {errors[-300:]}")


def script_digest_case(suite, folder, user):
    """A script counts, and so does its interpreter."""
    shell = os.path.realpath("/bin/sh")
    text = "#!/bin/sh\necho ran\n"
    good = hashlib.sha256(text.encode()).hexdigest()
    for script, interpreter, expected in ((good, digest(shell), 0), ("0" * 64, digest(shell), 126),
                                          (good, "0" * 64, 126)):
        more = ("programs:\n  {arena}/programs/script: {{sha256: " + script + "}}\n"
                f"  {shell}: {{{{sha256: {interpreter}}}}}\n  {LOADER}: {{{{}}}}\n")
        place, policy = rights.arena(suite, folder, user, more)
        (place / "programs/script").write_text(text)
        (place / "programs/script").chmod(0o755)
        code, output, errors = rights.under(suite, policy, [place / "programs/script"], **attacks.as_user(user))
        require(code == expected, f"{ending(code)} instead of {expected}: {short(output)} {errors[-300:]}")


def memory_case(suite, folder, user):
    """What is only in memory runs where that is named, and nowhere else."""
    for more, expected in (("  {arena}/open: rw\n", attacks.HELD),
                           ("  {arena}/open: rw\nclasses: {{proc.exec.memory: allow}}\n", attacks.WON)):
        place, policy = rights.arena(suite, folder, user, more)
        command = [place / "programs/unnamed_programs", place, "memory"]
        code, _, errors = rights.under(suite, policy, command, **attacks.as_user(user))
        require(code == expected, f"{ending(code)} instead of {expected}: {errors[-300:]}")


OTHER = "void _start(void) { __asm__ volatile(\"syscall\" : : \"a\"(231), \"D\"(77)); }\n"


def loader_race_case(suite, folder, user):
    source = suite.path(".c")
    source.write_text(OTHER)
    other, victim = suite.path(".other"), suite.path(".victim")
    code, _, errors = suite.execute(["gcc", "-static-pie", "-nostdlib", "-fPIE", "-o", other, source])
    require(code == 0, errors)
    code, _, errors = suite.execute(["gcc", "-Wl,--dynamic-linker=./loader", "-o", victim, folder / "../victim.c"])
    require(code == 0, errors)

    def prepare(place):
        shutil.copy(victim, place / "programs/victim")
        shutil.copy(other, place / "open/other")
        (place / "open/other").chmod(0o755)
        if user:
            for path in (place / "programs/victim", place / "open/other"):
                os.chown(path, attacks.as_user(user)["user"], -1)

    place, policy = rights.arena(suite, folder, user, "")
    prepare(place)
    command = [place / "programs/flip_loader", place]
    code, _, errors = rights.execute(suite, command, **attacks.as_user(user))
    require(code == attacks.WON, f"the attack does not work bare: {ending(code)} {short(errors)}")
    place, policy = rights.arena(suite, folder, user, "  {arena}/open: rw+create+delete\n")
    prepare(place)
    command = [place / "programs/flip_loader", place]
    code, output, errors = rights.under(suite, policy, command, **attacks.as_user(user))
    require(code == attacks.HELD, f"{ending(code)} under the policy: {short(output)} {errors[-300:]}")


NARROW = """abitrace: policy/1
name: narrow
files: {{/usr: ro+run, /etc: ro, /proc: ro, /dev: rw, {arena}/programs: ro+run, {arena}/open: rw+create}}
"""
# The shell is the parent of what it runs, and may do more.
MAKES = """i=0; while [ $i -lt 60 ]; do "$@"; i=$((i+1)); done 2>/dev/null; sleep .2; test -e "$2/open/won" && echo won; true"""


def orphans_case(suite, folder, user):
    """Who is under less than its maker stays so, whatever becomes of that."""
    options = attacks.as_user(user)
    more = ("  {arena}/fixed: ro\n  {arena}/open: rw+create\n"
            "programs:\n  {arena}/programs/orphans: {{policy: narrow.yaml}}\n"
            f"  /usr/bin/*: {{{{}}}}\n  {LOADER}: {{{{}}}}\n")
    for under, wanted in ((False, b"won\n"), (True, b"")):
        place, policy = rights.arena(suite, folder, user, more)
        policy.with_name("narrow.yaml").write_text(NARROW.format(arena=place))
        command = ["sh", "-c", MAKES, "sh", place / "programs/orphans", place]
        code, output, errors = (rights.under(suite, policy, command, **options) if under
                                else rights.execute(suite, command, **options))
        require((code, output) == (0, wanted), f"{'held' if under else 'bare'} {ending(code)} {short(output)} {errors[-300:]}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("programs") for prefix in suite.wanted):
        return
    folder = attacks.build(suite)
    (suite.folder / "victim.c").write_text("int main() { return 0; }\n")
    with attacks.reachable(suite):
        for user in (None, "nobody"):
            if user and os.geteuid() != 0:
                continue
            who = user or "root"
            suite.case(f"programs/loader_digest/{who}", loader_digest_case, folder, user)
            suite.case(f"programs/script_digest/{who}", script_digest_case, folder, user)
            suite.case(f"programs/memory/{who}", memory_case, folder, user)
            suite.case(f"programs/loader_race/{who}", loader_race_case, folder, user)
            suite.case(f"programs/orphans/{who}", orphans_case, folder, user)
