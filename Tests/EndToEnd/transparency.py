# What a broker performs must look as if the kernel had: programs that print what hundreds of calls answer and leave
# behind are run bare and under a policy that allows all and brokers all the same.

import difflib
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from harness import HERE, Failure, ending, require, short

SOURCES = HERE.parent / "Transparency"

# `hidden` is nowhere; an entry that narrows the rest is what makes the supervisor look at every name.
POLICY = """abitrace: policy/1
name: all
files:
  /: all
  {hidden}: none
network:
  connect: ["tcp *", "udp *", "unix *", "unix @*", "netlink"]
  listen: ["tcp *", "udp *", "unix *", "unix @*", "netlink"]
"""


def build(suite):
    folder = suite.folder / "transparency"
    folder.mkdir(exist_ok=True)
    for source in sorted(SOURCES.glob("*.c")):
        code, _, errors = suite.execute(
            ["gcc", "-O1", "-Wall", "-D_GNU_SOURCE", "-pthread", "-static", "-o", folder / source.stem, source])
        if code != 0:
            raise Failure(short(errors))
    return folder


def owner(user):
    if not user:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def place(user):
    """A fresh tree in memory, always of the same name, which some programs print."""
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    folder = base / f"abitrace-transparency-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    tree = folder / "tree"
    tree.mkdir(parents=True)
    folder.chmod(0o755)
    if user:
        entry = pwd.getpwnam(user)
        os.chown(tree, entry.pw_uid, entry.pw_gid)
    return folder, tree


def same_case(suite, programs, name, user, *arguments):
    policy = suite.folder / "all.yaml"
    policy.write_text(POLICY.format(hidden=suite.folder / "hidden"))
    outputs = []
    for prefix in ([], [suite.tracer, "run", "--policy", policy, "--"]):
        folder, tree = place(user)
        try:
            code, output, errors = suite.execute(
                [*prefix, programs / name, tree, *arguments], cwd=tree, **owner(user))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        require(code == 0, f"{ending(code)}{' under the policy' if prefix else ''}: {short(errors)}")
        outputs.append(output.decode(errors="replace").splitlines())
    require(len(outputs[0]) > 4, "the program printed next to nothing")
    differences = [line for line in difflib.unified_diff(*outputs, n=0, lineterm="")
                   if line[0] in "+-" and line[:3] not in ("+++", "---")]
    require(not differences, f"{len(differences)} lines differ: " + " | ".join(differences[:8]))


def run(suite):
    if suite.wanted and not any(prefix.startswith("transparency") for prefix in suite.wanted):
        return
    programs = build(suite)
    os.chmod(suite.folder, 0o755)
    tracer = suite.tracer
    suite.tracer = suite.folder / "abitrace-for-all"
    if not suite.tracer.exists():
        shutil.copy(tracer, suite.tracer)
    for source in sorted(SOURCES.glob("*.c")):
        for user in (None, "nobody"):
            if user and os.geteuid() != 0:
                continue
            suite.case(f"transparency/{source.stem}/{user or 'owner'}", same_case, programs, source.stem, user)
    suite.tracer = tracer
