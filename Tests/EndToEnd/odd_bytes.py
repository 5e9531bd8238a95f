# Names that are no text reach the program as they were given.

import os
import subprocess

from harness import ending, require, short


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


def run(suite):
    suite.case("bytes/arguments", arguments_case)
