# What the design promises of the supervisor itself: its threads, its allocations, its walls, how replies find their calls.

import json
import re
import shutil
import sys
import time
from pathlib import Path

from harness import HERE, Skip, by_thread, ending, need, require, short

ROOT = HERE.parent.parent


def status(process, field):
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return int(re.search(rf"(?m)^{field}:\t(\d+)", text)[1])


def thread_count_case(suite):
    """However many threads are watched, the supervisor has as many as before."""
    program = suite.folder / "programs" / "many_threads"
    supervisor = suite.start([suite.tracer, "record", "-o", suite.path(".mcap"), "--", program, "800"])
    watched, own = 0, set()
    while supervisor.poll() is None:
        own.add(status(supervisor.pid, "Threads"))
        for child in children(supervisor.pid):
            watched = max(watched, status(child, "Threads"))
        time.sleep(0.02)
    _, errors = supervisor.communicate()
    require(supervisor.returncode == 0, f"{ending(supervisor.returncode)} {short(errors)}")
    require(watched == 501, f"{watched} threads were seen at once, not 501")
    own.discard(0)
    # One that watches, and one that writes the recording from the first record on.
    require(own <= {1, 2}, f"the supervisor had {sorted(own)} threads")


def children(process):
    try:
        return Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []


def allocation_case(suite):
    """Recording a hundred thousand calls allocates no more than recording two hundred."""
    need("nm")
    if "debug" in suite.tracer.parts:
        raise Skip("a debug build allocates where a release does not")
    instrument = suite.path(".count_hits")
    source = HERE.parent / "Instruments" / "count_hits.c"
    code, _, errors = suite.execute(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", instrument, source])
    require(code == 0, short(errors))
    symbols = suite.execute(["nm", suite.tracer])[1].decode()
    place = re.search(r"(?m)^([0-9a-f]+) [Tt] __libc_malloc$", symbols)
    if not place:
        raise Skip("the program has no symbols")

    def allocations(calls, *mode, program="getppid_loop"):
        loop = [suite.folder / "programs" / program, calls]
        code, _, errors = suite.execute([instrument, place[1], suite.tracer, *mode, "--", *loop])
        require(code == 0, f"{ending(code)} {short(errors)}")
        return int(re.search(r"(\d+) hits\n$", errors)[1])

    recording = ["record", "-o", suite.path(".mcap")]
    more = allocations(100_200, *recording) - allocations(200, *recording)
    # A hand-over to the writing thread, ten a second however few the calls, may allocate; a call may not.
    require(more < 1000, f"100,000 calls made {more} allocations")
    # Calls with a path, whose object is looked up, and with a descriptor that is.
    more = allocations(10_100, *recording, program="open_close_loop") - allocations(
        100, *recording, program="open_close_loop")
    require(more < 1000, f"opening and closing 10,000 times made {more} allocations")
    # Text is made of strings: an instrument that sees no allocation there would see none anywhere.
    text = ["-o", suite.path(".trace")]
    seen = allocations(1200, *text) - allocations(200, *text)
    require(seen > 1000, f"the instrument saw {seen} allocations in 1000 lines of text")


def reply_case(suite):
    """A result and an errno are two things: an errno is no result of -1."""
    script = "import os\ntry: os.close(-1)\nexcept OSError: pass\nos.close(os.open('/', 0))"
    trace = suite.path(".trace")
    suite.execute([suite.tracer, "--json", "-e", "close", "-o", trace, "--", sys.executable, "-I", "-c", script])
    calls = [json.loads(line) for line in trace.read_text().splitlines()]
    failed = [call for call in calls if call.get("items") == {"fd": -1}]
    require(len(failed) == 1, f"{len(failed)} calls of close(-1)")
    require(failed[0]["errno"] == "EBADF" and "result" not in failed[0], f"close(-1) shows {failed[0]}")
    require(any(call.get("result") == 0 and "errno" not in call for call in calls), "no close succeeded")


def walls_case(suite):
    """The check of the sources finds what a module must not import, where it must not."""
    copy = suite.path(".sources")
    for folder in ("Sources", "Tools"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns(".build", "*.json"))
    # The walls alone: the formatter's rules are another matter.
    (copy / "bin").mkdir()
    (copy / "bin" / "swift").write_text("#!/bin/sh\n")
    (copy / "bin" / "swift").chmod(0o755)
    lint = ["env", f"PATH={copy}/bin:/usr/bin:/bin", copy / "Tools" / "lint"]
    code, _, errors = suite.execute(lint)
    require(code == 0, f"the sources as they are: {ending(code)} {short(errors)}")
    for module, forbidden in (("Rendering", "CLinux"), ("Recording", "CLinux"), ("abitrace", "CLinux"),
                              ("Messages", "Glibc"), ("Personalities", "Foundation")):
        intruder = copy / "Sources" / module / "Intruder.swift"
        intruder.write_text(f"import {forbidden}\n")
        code, _, errors = suite.execute(lint)
        intruder.unlink()
        require(code == 1 and module in errors, f"import {forbidden} in {module}: {ending(code)} {short(errors)}")


def restart_case(suite):
    """A sleep that is stopped twice: one message, two restarts, one reply, tied together by ids."""
    recording, text = suite.path(".mcap"), suite.path(".trace")
    program = suite.program("restart")
    code, _, errors = suite.execute([suite.tracer, "-f", "-o", text, "--record", recording, "--", *program])
    require(code == 0, f"{ending(code)} {short(errors)}")
    resumed = re.findall(r"restart_syscall\(<\.\.\. resuming interrupted (\w+) \.\.\.>", text.read_text())
    require(resumed[0] == "clock_nanosleep" and set(resumed[1:]) == {"restart_syscall"}, f"resumed: {resumed}")
    shown = suite.path(".json")
    suite.execute([suite.tracer, "show", "--json", "-o", shown, recording])
    calls = {call["id"]: call for call in map(json.loads, shown.read_text().splitlines()) if "id" in call}
    last = [call for call in calls.values() if call["call"] == "restart_syscall" and "interrupted" not in call]
    require(len(last) == 1 and last[0]["result"] == 0, f"{len(last)} restarts came back")
    chain = [last[0]]
    while "restarts" in chain[-1]:
        chain.append(calls[chain[-1]["restarts"]])
        require(chain[-1].get("interrupted") is True, f"{chain[-1]} was restarted, but not interrupted")
    require(chain[-1]["call"] == "clock_nanosleep" and len(chain) >= 3, f"the chain is {[c['call'] for c in chain]}")


def handler_case(suite):
    """A read that SA_RESTART makes again is tied to the first; a sleep that says EINTR is restarted by nobody."""
    trace = suite.path(".trace")
    suite.execute([suite.tracer, "--messages", "-o", trace, "--", *suite.program("signals")])
    text = trace.read_text()
    interrupted = re.findall(r"(?m)^\d+ ([\w.]+) .*! interrupted, as #(\d+)$", text)
    require([name for name, _ in interrupted] == ["fd.read", "time.sleep"], f"interrupted: {interrupted}")
    restarts = re.findall(r"(?m)^\d+ ([\w.]+) restarts=#(\d+) .*-> n=1$", text)
    require(restarts == [interrupted[0]], f"restarted: {restarts}")


def bare_metal_case(suite):
    """A static program without a C library needs nothing preloaded: its three calls are all there is."""
    code, output, errors, text = suite.traced(suite.program("no_libc"))
    names = [re.match(r"(\w+)\(", line) for lines in by_thread(text).values() for line in lines]
    names = [name[1] for name in names if name]
    require(names == ["execve", "write", "exit"] or names == ["execve", "write", "exit_group"], f"calls: {names}")


def run(suite):
    suite.case("supervisor/thread_count", thread_count_case)
    suite.case("supervisor/allocations", allocation_case)
    suite.case("message/reply", reply_case)
    suite.case("message/restart", restart_case)
    suite.case("message/restart_after_handler", handler_case)
    suite.case("message/no_libc", bare_metal_case)
    suite.case("sources/walls", walls_case)
