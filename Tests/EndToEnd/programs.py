# Which programs run: by digest the file that really runs, its loader too; what is only in memory where it is named.

import hashlib
import os
import shutil
import subprocess
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


def contents_case(suite, folder, user):
    """What runs is what was named by its contents, whoever writes it meanwhile."""
    options = attacks.as_user(user)
    good, other = suite.path(".good"), suite.path(".other")
    for target, number in ((good, 7), (other, 77)):
        source = suite.path(".c")
        source.write_text(OTHER.replace("77", str(number)))
        code, _, errors = suite.execute(["gcc", "-static", "-nostdlib", "-o", target, source])
        require(code == 0, short(errors))
    more = ("  {arena}/open: rw+create+delete\n  {arena}/fixed: ro\n"
            "programs:\n  {arena}/open/chosen: {{sha256: " + digest(good) + "}}\n"
            f"  {{arena}}/programs/*: {{{{}}}}\n  {LOADER}: {{{{}}}}\n  /usr/bin/*: {{{{}}}}\n")
    ways = ["write", "rename"]
    for under in (False, True):
        place, policy = rights.arena(suite, folder, user, more)
        for name, source in (("good", good), ("other", other)):
            shutil.copy(source, place / "fixed" / name)
        command = [place / "programs/swap_contents", place, *ways]
        code, output, errors = (rights.under(suite, policy, command, **options) if under
                                else rights.execute(suite, ["env", "PATIENCE=50", *command], **options))
        require((code, output.decode().split()) == ((attacks.HELD, []) if under else (attacks.WON, ways)),
                f"{'held' if under else 'bare'} {ending(code)} {short(output)} {errors[-300:]}")


# The script is under less than whoever starts it, its interpreter alone is not.
SCRIPT = "#!/bin/sh\n(echo x > {place}/open/made) 2>/dev/null && echo made\n(echo x > {place}/fixed/made) 2>/dev/null && echo won; true\n"


def script_policy_case(suite, folder, user):
    """What a policy says of a script holds for the interpreter that is started for it."""
    options = attacks.as_user(user)
    more = ("  {arena}/fixed: rw+create\n  {arena}/open: rw+create\n"
            "programs:\n  {arena}/programs/script: {{policy: narrow.yaml}}\n  {arena}/programs/outer: {{}}\n"
            f"  /usr/bin/*: {{{{}}}}\n  {LOADER}: {{{{}}}}\n")
    for command, wanted in ((["sh", "script"], b"made\nwon\n"), (["script"], b"made\n"), (["outer"], b"made\n")):
        place, policy = rights.arena(suite, folder, user, more)
        policy.with_name("narrow.yaml").write_text(NARROW.format(arena=place))
        (place / "programs/script").write_text(SCRIPT.format(place=place))
        (place / "programs/outer").write_text(f"#!{place}/programs/script\n")
        for name in ("script", "outer"):
            (place / "programs" / name).chmod(0o755)
        recording = place / "open/r.mcap"
        code, output, errors = rights.execute(
            suite, [suite.tracer, "run", "--policy", policy, "-o", recording, "--", *command[:-1], place / "programs" / command[-1]],
            **options)
        require((code, output) == (0, wanted), f"{command}: {ending(code)} '{short(output)}' {errors[-300:]}")
        code, _, errors = suite.execute([suite.tracer, "replay", "--expect", "live", recording])
        require(code == 0, f"{command}: replayed, it is decided otherwise: {short(errors)}")


# Under it all files are there, and other processes may be looked at.
UNDER = "abitrace: policy/1\nname: under\nfiles: {{/: all, {arena}/closed: none}}\n"
ABOVE = "abitrace: policy/1\nname: above\nfiles: {{/: all}}\nprograms: {{'/**': {{}}, {arena}/programs/crossing%s: {{policy: under.yaml}}}}\n"
CROSSINGS = [
    "memory", "thread", "environment", "pipe", "root", "signal", "thread's signal", "handle's signal", "owner", "limit", "priority",
]


def crossing_case(suite, folder, user, suffix):
    """Who may do less reaches nothing of who may do more."""
    options = attacks.as_user(user)
    for under, wanted in ((False, "\n".join(CROSSINGS) + "\n"), (True, "")):
        place, policy = rights.arena(suite, folder, user, "")
        policy.write_text((ABOVE % suffix).format(arena=place))
        policy.with_name("under.yaml").write_text(UNDER.format(arena=place))
        command = ["sh", "-c", '"$@"; exit $?', "sh", place / ("programs/crossing" + suffix), place, *CROSSINGS]
        read, write = os.pipe()
        os.fchown(read, options.get("user", 0), -1)
        code, output, errors = (rights.under(suite, policy, command, stdin=read, **options) if under
                                else rights.execute(suite, command, stdin=read, **options))
        os.close(read)
        os.close(write)
        require((code, output.decode()) == (attacks.HELD if under else attacks.WON, wanted),
                f"{'held' if under else 'bare'} {ending(code)} {short(output)} {errors[-300:]}")


def others_memory_case(suite, folder, user):
    """What names the processes of others does not name their memory."""
    options = attacks.as_user(user)
    script = "import os, sys; os.open(f'/proc/{sys.argv[1]}/mem', os.O_RDWR); print('won')"
    outside = subprocess.Popen(["sleep", "100"], start_new_session=True, **options)
    try:
        for more, wanted in (("", b""), ("classes: {{debug.inspect: allow}}\n", b""),
                             ("classes: {{debug.inspect: allow}}\nambient: [self, child, mm, clock, procs+debug]\n", b"won\n"),
                             (None, b"won\n")):
            place, policy = rights.arena(suite, folder, user, "")
            command = ["/usr/bin/python3", "-S", "-c", script, outside.pid]
            if more is None:
                code, output, errors = rights.execute(suite, command, **options)
            else:
                if "ambient" not in more:
                    more += "ambient: [self, child, mm, clock, procs]\n"
                policy.write_text(UNDER.format(arena=place) + more.replace("{{", "{").replace("}}", "}"))
                code, output, errors = rights.under(suite, policy, command, **options)
            require(output == wanted, f"{more}: {ending(code)} '{short(output)}' {errors[-300:]}")
    finally:
        outside.kill()
        outside.wait()


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
            suite.case(f"programs/contents/{who}", contents_case, folder, user)
            suite.case(f"programs/script_policy/{who}", script_policy_case, folder, user)
            for suffix in ("", ".static"):
                suite.case(f"programs/crossing/{who}{suffix}", crossing_case, folder, user, suffix)
            suite.case(f"programs/others_memory/{who}", others_memory_case, folder, user)
