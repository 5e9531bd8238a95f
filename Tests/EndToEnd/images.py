# What an image begins with: its auxiliary vector, its thread pointer, and a vDSO that can be hidden.

import json
import re

from harness import PROGRAMS, Skip, ending, require, short


def clock_reads(suite, program, *flags):
    code, _, errors, text = suite.traced([program], *flags)
    require(code == 0, f"{ending(code)}: {short(errors)}")
    return len(re.findall(r"\bclock_gettime(?:64)?\(", text))


def vdso_case(suite):
    program = suite.program("beginning")[0]
    require(clock_reads(suite, program) == 0, "the clock is read without the vDSO: nothing to show here")
    require(clock_reads(suite, program, "--vdso", "hide") == 1000, "hidden, the vDSO still answers")
    for flags, told in (([], True), (["-q"], False), (["--vdso", "hide"], False)):
        code, _, errors = suite.execute([suite.tracer, "-c", *flags, "--", program])
        require(code == 0, f"{ending(code)} {short(errors)}")
        require(("clock reads that the vDSO answers" in errors) == told, f"-c {flags}: {short(errors, 40)[-200:]}")


def vdso_i386_case(suite):
    source = suite.folder / "programs" / "beginning32"
    code, _, errors = suite.execute(["gcc", "-m32", "-O1", "-o", source, PROGRAMS / "beginning.c"])
    if code:
        raise Skip(f"gcc -m32 does not work here: {short(errors, 1)}")
    require(clock_reads(suite, source, "--vdso", "hide") == 1000, "hidden, the vDSO still answers")


def executed(suite, *flags):
    """The JSON events of a run that prints its vector, and what it printed."""
    trace = suite.path(".json")
    code, output, errors = suite.execute(
        [suite.tracer, "--json", *flags, "-o", trace, "--", suite.program("beginning")[0], "print"])
    require(code == 0, f"{ending(code)}: {short(errors)}")
    lines = [line.split() for line in output.decode().splitlines()]
    return [json.loads(line) for line in trace.read_text().splitlines()], lines


def vector_case(suite, *flags):
    """The vector of the trace is the one that the program reads."""
    events, printed = executed(suite, *flags)
    told = list(next(event for event in events if event["event"] == "executed")["auxv"].values())
    require(told == [int(value) for key, value in printed if key != "tls"], f"told {told}, printed {printed}")


def thread_pointer_case(suite):
    """The base that arch_prctl set is the one that the thread reads back."""
    events, printed = executed(suite)
    base = int(dict(printed)["tls"])
    setups = [event for event in events if event.get("operation") == "thread.setup" and event["call"] == "arch_prctl"]
    require(any(base in event["items"].values() for event in setups), f"no thread.setup with {base:#x}: {setups}")


def run(suite):
    suite.case("images/vdso", vdso_case)
    suite.case("images/vdso_i386", vdso_i386_case)
    suite.case("images/vector", vector_case)
    suite.case("images/vector_without_vdso", vector_case, "--vdso", "hide")
    suite.case("images/thread_pointer", thread_pointer_case)
