# Names that are no text reach the program as they were given, and policies name them as they are.

import os
import shutil
import subprocess

from harness import ending, require, short
from walkthrough import PLAIN


def arguments_case(suite):
    """An argument, a program's name and a variable that are no UTF-8."""
    odd = b"bad\xff\xfe"
    folder = os.fsencode(suite.path(".bytes"))
    os.mkdir(folder)
    program = folder + b"/run" + odd
    with open(program, "wb") as script:
        script.write(b'#!/bin/sh\nprintf %s "$1:$ODD:$0"\n')
    os.chmod(program, 0o755)
    trace = os.fsencode(suite.path(".trace"))
    variables = {**os.environb, b"ODD": odd}
    bare = subprocess.run([program, odd], env=variables, capture_output=True)
    traced = subprocess.run(
        [os.fsencode(suite.tracer), b"-o", trace, b"--", program, odd], env=variables, capture_output=True)
    require(bare.stdout == odd + b":" + odd + b":" + program, f"bare: {short(bare.stdout)}")
    require(traced.stdout == bare.stdout, f"{ending(traced.returncode)}: {traced.stdout!r} {short(traced.stderr)}")



# Names that end a line or a comment of a policy and go on as one, that look like patterns, and that are no UTF-8.
NAMES = [b"bad\xff\xfe", b"a\n  /etc: rw+create\n#", b"b\r  /etc: rw", b"c\xc2\x85  /etc: rw", b"d\xe2\x80\xa8  /etc: rw",
         b'e"], x: ["', b"f*", b"g\\", b"h\\xff", b"${CWD}", b"i: rw  # j", b"\x1b]0;owned\x07", b"k" * 200 + b"\xe4" * 50]

PROGRAM = """
import os, socket, sys
for name in sys.argv[1:]:
    name = os.fsencode(name)
    path = name + b'.d/' + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, 'wb').close()
    open(path, 'rb').close()
    server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    server.bind(b'\\0' + name[:80]); server.listen(); client.connect(b'\\0' + name[:80])
"""


class Odd:
    """The program in a directory of its own, with a policy that was learned from it."""

    def __init__(self, suite):
        self.suite = suite
        self.folder, self.recording, self.policy = suite.path(".odd"), suite.path(".mcap"), suite.path(".yaml")
        self.folder.mkdir()
        self.names = [os.fsdecode(name) for name in NAMES]
        code, _, errors = self.held(self.names, "record", "-o", self.recording)
        require(code == 0, f"{ending(code)} {short(errors)}")
        self.tell("policy", "learn", "-o", self.policy, self.recording)

    def held(self, names, *prefix):
        return self.suite.execute(
            [*PLAIN, self.suite.tracer, *prefix, "--", "/usr/bin/python3", "-I", "-S", "-c", PROGRAM, *names],
            cwd=self.folder)

    def tell(self, *arguments, expect=0):
        code, output, errors = self.suite.execute([self.suite.tracer, *arguments], cwd=self.folder)
        told = output + os.fsencode(errors)
        require(code == expect, f"{arguments[1]}: {ending(code)} {short(told[-600:])}")
        strange = [byte for byte in told if byte < 32 and byte not in b"\n" or byte == 127]
        require(not strange and b"\n  /etc" not in told, f"{arguments[1]} prints {strange[:5]}")
        return told.decode()

    def runs(self, names):
        code, _, errors = self.held(names, "run", "--policy", self.policy)
        require(code == 0 and not errors, f"{ending(code)} {errors[:600]}")


def policy_case(suite):
    """Record, learn, check, run: each name is what it is, and none of them writes a line of its own."""
    odd = Odd(suite)
    told = odd.tell("policy", "check", odd.policy)
    require("proved by" in told, told)
    # Every line is an entry of these sections; nothing gives /etc.
    lines = [line for line in odd.policy.read_text().split("\n") if line.startswith("  /etc")]
    require(not [line for line in lines if "rw" in line.split("#")[0]], f"lines about /etc: {lines}")
    odd.tell("replay", "--policy", odd.policy, odd.recording)
    odd.runs(odd.names)


def change_case(suite):
    """Shrink, refuse another such name, and fix."""
    odd = Odd(suite)
    odd.tell("policy", "shrink", "-o", odd.policy, odd.policy, odd.recording)
    other = os.fsdecode(b"new\xfd\n  /etc: rw")
    code, _, errors = odd.held([other], "run", "--policy", odd.policy)
    require(code != 0 and r"new\xfd\x0a" in errors, f"{ending(code)} {errors[:400]}")
    changed = suite.path(".changed.mcap")
    odd.held([other], "record", "-o", changed)
    told = odd.tell("replay", "--policy", odd.policy, changed, expect=1)
    require(r"new\xfd\x0a" in told, told[:400])
    odd.tell("policy", "fix", "--all", odd.policy, changed)
    require(r"/new\xfd\x0a" in odd.policy.read_text(), odd.policy.read_text())
    # The lines are for what was made then, so it is made again.
    for made in odd.folder.iterdir():
        if os.fsencode(made).startswith(os.fsencode(odd.folder) + b"/new"):
            shutil.rmtree(made)
    odd.runs([*odd.names, other])


def run(suite):
    suite.case("bytes/arguments", arguments_case)
    suite.case("bytes/policy", policy_case)
    suite.case("bytes/change", change_case)
