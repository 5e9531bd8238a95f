# Opens that are left to the kernel, where Landlock holds what a name may come to stand for: what programs see is what they
# see bare, and whatever a name leads to later is decided anew.

import os

import attacks
from harness import SYSTEM, ending, require, short

# Of `mixed` no rule of the kernel speaks, for it hides something.
POLICY = SYSTEM + """  {arena}/held: rw+create+delete+attr
  {arena}/mixed: rw+create+delete
  {arena}/mixed/secret: none
  {arena}/place: rw+create+delete+run
  {arena}/other: rw+create+delete+run
"""

# Each name is used several times before it leads elsewhere, and after.
LEADS = {
    "absent": "cat held/x; cat held/x; ln -s ../mixed/file held/x; cat held/x; cat held/x; cat held/x",
    "below": "cat held/a/b/file; cat held/a/b/file; mkdir held/a; ln -s ../../mixed held/a/b; cat held/a/b/file",
    "dangling": "ln -s ../mixed/new held/l; cat held/l; cat held/l; echo new > mixed/new; cat held/l",
    "replaced": "cat held/file; cat held/file; ln -s ../mixed/file held/t; mv -f held/t held/file; cat held/file",
    "removed": "cat held/file; cat held/file; rm held/file; cat held/file; ln -s ../mixed/file held/file; cat held/file",
    "moved": "cat held/d/file; cat held/d/file; mv held/d held/e; ln -s ../mixed held/d; cat held/d/file",
    "linked": "ln -s ../mixed/file held/s; cat held/t; cat held/t; ln -P held/s held/t; cat held/t",
    "entered": "cd held; cat file; cat file; cd ../mixed; cat file; cat file; cd ../held; cat file",
    "made": "echo one > held/n; cat held/n; echo two > held/n; cat held/n; echo three >> held/n; cat held/n",
    "listed": "ls held; ls held; ls mixed; ls held/d",
    "hidden": "cat held/file mixed/file; cat mixed/secret; ln -s ../mixed/secret held/h; cat held/h; cat held/h; cat held/h",
    "fifo": "mkfifo held/p; (echo through > held/p) & cat held/p; wait; (echo again > held/p) & cat held/p; wait",
    "device": "cat /dev/null; echo gone > /dev/null; cat /dev/null; echo $?",
    # What is made again where it was is another object, of which no rule of the kernel's speaks.
    "again": "cat place/file; mv place other/place; mkdir place; echo new > place/file; cat place/file; "
             "cat other/place/file; rm -r place; mkdir place; echo newer > place/file; cat place/file; cat place/file",
}


def arena(suite, user):
    place = suite.path(".arena")
    place.mkdir(mode=0o755)
    for name in ("held", "held/d", "mixed", "place", "other"):
        (place / name).mkdir()
        (place / name / "file").write_text(f"{name}\n")
    (place / "mixed/secret").write_text("SECRET\n")
    (place / "place/program").write_text("#!/bin/sh\necho ran\n")
    (place / "place/program").chmod(0o755)
    policy = place.with_suffix(".yaml")
    policy.write_text(POLICY.format(arena=place))
    if user:
        numbers = attacks.as_user(user)
        for path in [place, *place.rglob("*"), policy]:
            os.chown(path, numbers["user"], numbers["group"])
    return place, policy


def leads_case(suite, script, user):
    """The same words bare and held, but for what the policy hides."""
    results = []
    for wrap in (False, True):
        place, policy = arena(suite, user)
        command = ["sh", "-c", script]
        if wrap:
            command = [suite.tracer, "run", "--policy", policy, "--", *command]
        code, output, errors = suite.execute(command, cwd=place, **attacks.as_user(user))
        said = [line for line in errors.splitlines() if not line.startswith("abitrace: ")]
        results.append((code, output.decode(), said))
    (code, output, said), held = results
    require(output or said, "bare it says nothing")
    if "secret" in script:
        lost = output.count("SECRET\n")
        gone = [line for line in held[2] if "No such file" in line]
        require(lost > 0 and len(gone) == lost, f"bare read {lost} times, and held said {held[2]}")
        (code, output, said) = (held[0], output.replace("SECRET\n", ""), held[2])
    require((code, output, said) == held, f"bare {(code, output, said)}, held {held}")


def replaced_place_case(suite, user):
    """Where programs run is known to the kernel by the directory itself: another one in its place is told of."""
    place, policy = arena(suite, user)
    script = "place/program; mv place other/p; other/p/program; mkdir place; cp other/p/program place; place/program"
    bare = suite.execute(["sh", "-c", script], cwd=place, **attacks.as_user(user))
    require(bare[0] == 0 and bare[1] == b"ran\n" * 3, f"bare {ending(bare[0])} {short(bare[1])}")
    place, policy = arena(suite, user)
    code, output, errors = suite.execute(
        [suite.tracer, "run", "--policy", policy, "--", "sh", "-c", script], cwd=place, **attacks.as_user(user))
    require(code == 126 and output == b"ran\n" * 2, f"{ending(code)} {short(output)} {errors[-300:]}")
    require("place/program lies in a directory that has come to be since the start" in errors, errors[-300:])


def said_case(suite, user):
    """What is refused is told, whoever would have opened it."""
    place, policy = arena(suite, user)
    (place / "apart").write_text("apart\n")
    script = "cat held/file held/file; ln -s ../apart held/to; cat held/to; cat apart; cat held/file"
    code, output, errors = suite.execute(
        [suite.tracer, "run", "--policy", policy, "--", "sh", "-c", script], cwd=place, **attacks.as_user(user))
    require((code, output) == (0, b"held\n" * 3), f"{ending(code)} {short(output)} {errors[-300:]}")
    told = [line for line in errors.splitlines() if line.startswith("abitrace: ") and f"{place}/apart) refused" in line]
    require(told, f"nothing is said of apart: {errors[-300:]}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("opens") for prefix in suite.wanted):
        return
    with attacks.reachable(suite):
        for user in (None, "nobody"):
            if user and os.geteuid() != 0:
                continue
            who = user or "root"
            for name, script in LEADS.items():
                suite.case(f"opens/{name}/{who}", leads_case, script, user)
            suite.case(f"opens/replaced_place/{who}", replaced_place_case, user)
            suite.case(f"opens/said/{who}", said_case, user)
