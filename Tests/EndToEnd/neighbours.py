# A place that may be changed, beside one that may only be read and one that is hidden: calls with two names and calls on
# objects get through bare, and where they are granted; and none where only their neighbour is.

import os
import shutil
import socket

import attacks
from harness import ending, require, short

# Ways that change `fixed`, or run what lies there: what a grant makes them do is what they do bare.
CHANGES = [
    "link to fixed", "link held", "link through link", "link unnamed", "unnamed", "exchange", "exchange back", "whiteout",
    "move out", "move in", "move round", "folder below", "pipe below", "link below", "remove below", "remove round",
    "mode held", "mode through link", "mode by number", "owner held", "owner by number", "times held", "times by number",
    "attribute below", "attribute through link", "attribute by number", "size through link", "emptied through link",
    "opened through link", "opened through name", "opened below", "opened through how", "run held", "run below",
    "run through link", "socket",
]
LOOKS = ["secret below", "secret round", "secret linked", "secret moved", "secret exchanged", "watch through link"]
# What no entry can allow, for it moves the names that entries are about or goes round them.
BEYOND = [
    "handle", "tree", "root", "pivot", "new file system", "picked file system", "mount attributes", "marked file system",
    "accounts", "swap",
]
# Ways in which the bare kernel itself says no to an ordinary user.
ROOT_ONLY = {*BEYOND, "link held"}
# In the table of i386 it takes one more register than the others.
NATIVE_ONLY = {"marked file system"}
# Ways that are newer than some kernels, or that some file systems do not know.
NEW = {"attribute below", "mode held", "attribute through link", "attribute by number", "whiteout", "unnamed", "link unnamed"}
# What nobody performs on a program's behalf.
NEVER = {"attribute below", "whiteout"}

CLOSED = attacks.SYSTEM + """  {arena}: lookup+stat+chdir
  {arena}/*/open: rw+create+delete+attr
  {arena}/*/fixed: ro
  {arena}/*/closed: none
  {arena}/programs: ro+run
"""
# All but two places.
OPEN = """abitrace: policy/1
name: open
default: allow
files:
  {arena}/*/fixed: ro
  {arena}/*/closed: none
"""
GRANTED = CLOSED.replace("fixed: ro", "fixed: all").replace("open: rw+create+delete+attr", "open: all") + """network:
  listen: ["unix {arena}/**"]
"""


def arena(suite, folder, count, user):
    place = suite.path(".neighbours")
    place.mkdir(mode=0o755)
    (place / "programs").mkdir()
    shutil.copy(folder / "by_object", place / "programs")
    shutil.copy(folder / "by_object.static", place / "programs")
    for number in range(count):
        own = place / str(number)
        for name in ("open", "closed", "fixed"):
            (own / name).mkdir(parents=True)
        (own / "open/file").write_text("open\n")
        (own / "fixed/file").write_text("fixed\n")
        (own / "closed/secret").write_text("SECRET\n")
        shutil.copy("/usr/bin/true", own / "fixed/program")
    if user:
        for path in [place, *place.rglob("*")]:
            os.chown(path, attacks.as_user(user)["user"], attacks.as_user(user)["group"])
    return place


def got_through(suite, folder, ways, user, suffix, policy=None):
    """The ways that got through."""
    place = arena(suite, folder, len(ways), user)
    command = [place / "programs" / ("by_object" + suffix), place, *ways]
    if policy:
        (place / "policy.yaml").write_text(policy.format(arena=place))
        command = [suite.tracer, "run", "--policy", place / "policy.yaml", "--", *command]
    code, output, errors = suite.execute(command, **attacks.as_user(user))
    require(code in (attacks.WON, attacks.HELD), f"{ending(code)} {output} {short(errors)}")
    return set(output.decode().splitlines()), errors


def forms(ways):
    return ways + ["old " + way for way in ways if way not in NATIVE_ONLY]


def neighbours_case(suite, folder, user, suffix):
    ways = forms([way for way in CHANGES + LOOKS + BEYOND if not user or way not in ROOT_ONLY])
    bare, errors = got_through(suite, folder, ways, user, suffix)
    missing = [way for way in ways if way not in bare and way.removeprefix("old ") not in NEW]
    require(not missing, f"do not work bare: {missing} {short(errors)}")
    for name, policy in (("closed", CLOSED), ("all but some", OPEN)):
        held, errors = got_through(suite, folder, ways, user, suffix, policy)
        require(not held, f"got through where {name}: {sorted(held)} {short(errors)[-300:]}")
    ways = forms([way for way in CHANGES if not user or way not in ROOT_ONLY])
    granted, errors = got_through(suite, folder, ways, user, suffix, GRANTED)
    wanted = {way for way in ways if way in bare and way.removeprefix("old ") not in NEVER}
    require(granted == wanted, f"granted, of {sorted(wanted ^ granted)} those got through: {sorted(granted - wanted)} {short(errors)[-300:]}")


# Asked about a move, it makes the file that was not there when the move was looked at.
HOOK = """#!/bin/sh
while read -r message; do
    echo kept > "${0%/*}/drop/file"
    echo allow
done
"""
DROP = attacks.SYSTEM + """  {place}: lookup+stat
  {place}/open: rw+create+delete
  {place}/drop: stat+create
classes: {{file.rename: ask}}
"""


def made_meanwhile_case(suite):
    """What may be added and not removed is not replaced either, when it comes to be after the look."""
    contents = []
    for held in (False, True):
        place = suite.path(".drop")
        for name in ("open", "drop"):
            (place / name).mkdir(parents=True)
        (place / "open/file").write_text("other\n")
        (place / "hook").write_text(HOOK)
        (place / "hook").chmod(0o755)
        (place / "policy.yaml").write_text(DROP.format(place=place))
        script = "import os, sys; os.rename(sys.argv[1] + '/open/file', sys.argv[1] + '/drop/file')"
        command = ["/usr/bin/python3", "-S", "-c", script, place]
        if held:
            command = [suite.tracer, "run", "--hook", place / "hook", "--policy", place / "policy.yaml", "--", *command]
        else:
            (place / "drop/file").write_text("kept\n")
        code, _, errors = suite.execute(command)
        contents.append((code, (place / "drop/file").read_text()))
    require(contents == [(0, "other\n"), (1, "kept\n")], f"bare, held: {contents} {short(errors)[-300:]}")


# All is allowed but a place, other programs, and writing to standard input.
BUT_SOME = """abitrace: policy/1
name: but some
default: allow
files: {{{place}/closed: none}}
programs: {{/usr/bin/python3*: {{}}, /usr/lib/**: {{}}, /lib64/**: {{}}}}
handles: {{stdin: read}}
"""
TRIES = """import os, socket, subprocess, sys
closed, local = sys.argv[1] + "/closed/", socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def attempt(way, body):
    try: body(); print(way)
    except OSError: pass
attempt("another program", lambda: subprocess.run(["/usr/bin/true"]))
attempt("standard input", lambda: os.write(0, b"x"))
attempt("connect", lambda: socket.socket(socket.AF_UNIX).connect(closed + "stream"))
attempt("sendto", lambda: local.sendto(b"x", closed + "datagrams"))
attempt("sendmsg", lambda: local.sendmsg([b"x"], [], 0, closed + "datagrams"))
attempt("bind", lambda: local.bind(closed + "own"))
attempt("elsewhere", lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[1] + "/stream"))
"""


def but_some_case(suite, user):
    outputs = []
    for held in (False, True):
        place = suite.path(".but_some")
        (place / "closed").mkdir(parents=True)
        place.chmod(0o777), (place / "closed").chmod(0o777)
        servers = [socket.socket(socket.AF_UNIX, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_STREAM)]
        for server, name in zip(servers, ("closed/stream", "closed/datagrams", "stream")):
            server.bind(str(place / name))
            (place / name).chmod(0o777)
        servers[0].listen(), servers[2].listen()
        place.with_suffix(".yaml").write_text(BUT_SOME.format(place=place))
        prefix = [suite.tracer, "run", "--policy", place.with_suffix(".yaml"), "--"] if held else []
        with open("/dev/null", "r+b") as null:
            code, output, errors = suite.execute(
                [*prefix, "/usr/bin/python3", "-S", "-c", TRIES, place], stdin=null, **attacks.as_user(user))
        for server in servers:
            server.close()
        require(code == 0, short(errors))
        outputs.append(output.decode().splitlines())
    ways = ["another program", "standard input", "connect", "sendto", "sendmsg", "bind", "elsewhere"]
    require(outputs == [ways, ["elsewhere"]], f"bare, held: {outputs} {short(errors)[-300:]}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("neighbours") for prefix in suite.wanted):
        return
    folder = attacks.build(suite)
    suite.case("neighbours/made meanwhile", made_meanwhile_case)
    with attacks.reachable(suite):
        for user in (None, "nobody"):
            if user and os.geteuid() != 0:
                continue
            suite.case(f"neighbours/but some/{user or 'root'}", but_some_case, user)
            for suffix in ("", ".static"):
                suite.case(f"neighbours/{user or 'root'}{suffix}", neighbours_case, folder, user, suffix)
