# One thing in one form, whichever call says it: attributes, entries, readiness; two calls under way at once.

import json
import re
import sys

from harness import ending, require, short


def calls(suite, *flags):
    trace = suite.path(".json")
    code, output, errors = suite.execute(
        [suite.tracer, "--json", *flags, "-o", trace, "--", *suite.program("forms")])
    require((code, output) == (0, b"done\n"), f"{ending(code)} {short(errors)}")
    return [record for record in map(json.loads, trace.read_text().splitlines()) if record["event"] == "call"]


def attributes_case(suite):
    """stat, lstat, fstat, newfstatat and statx of one file say the same in the same words."""
    told = {}
    for call in calls(suite):
        if call["operation"] != "file.stat_get" or "errno" in call:
            continue
        if call["items"].get("path") == "/etc/passwd" or call["call"] == "fstat":
            told[call["call"]] = call["items"]["stat"]
    require(set(told) == {"stat", "lstat", "fstat", "newfstatat", "statx"}, f"only {sorted(told)}")
    first = told["stat"]
    require({"type", "mode", "size", "mtime", "dev", "ino"} <= set(first) and first["type"] == "file", f"{first}")
    for call, stat in told.items():
        differing = {name: (first[name], stat.get(name)) for name in first if first[name] != stat.get(name)}
        require(not differing, f"{call} differs from stat: {differing}")


def entries_case(suite):
    """getdents and getdents64 of one directory give one list."""
    lists = [call["items"]["entries"] for call in calls(suite, "-e", "getdents,getdents64")]
    require(len(lists) == 2 and len(lists[0]) > 2, f"{len(lists)} lists")
    require(lists[0] == lists[1], f"{lists[0][:2]} and {lists[1][:2]}")


def readiness_case(suite):
    """poll, select and epoll_wait say in the same words that one descriptor can be read."""
    told = [call for call in calls(suite) if call["operation"] in ("event.poll", "event.wait")]
    require(len(told) == 3, f"{[call['call'] for call in told]}")
    poll, select, wait = told
    descriptor = poll["items"]["interests"][0]["fd"]
    for call in (poll, select):
        require(call["items"]["interests"] == [{"fd": descriptor, "want": "POLLIN"}], f"{call['items']}")
        require(call["meaning"] == [{"fd": descriptor, "got": "POLLIN"}], f"{call['meaning']}")
    require(wait["items"]["events"] == [{"userdata": descriptor, "got": "POLLIN"}], f"{wait['items']}")


def threads_case(suite):
    """Two threads wait at once, one in a read, one for a futex: each gets its own reply."""
    told = calls(suite)
    main = told[0]["thread"]
    reads = [call for call in told if call["call"] == "read" and call["thread"] != main]
    waits = [call for call in told if call["operation"] == "sync.wait" and call["thread"] not in
             {main, *(read["thread"] for read in reads)}]
    require(len(reads) == 1 and len(waits) >= 1, f"{len(reads)} reads, {len(waits)} waits")
    read, wait = reads[0], waits[0]
    require(read["items"]["data"] == "y" and read["result"] == 1, f"{read}")
    require(wait["result"] == 0, f"{wait}")
    ends = [call["time"] + call["duration"] for call in (read, wait)]
    require(max(read["time"], wait["time"]) < min(ends), "the two calls were not under way at once")


FUTURE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(490, 1, 2, 3), ctypes.get_errno())
"""


def future_case(suite):
    """A number that no kernel has yet: named by itself, a void.call to messages, and refused under every policy."""
    command = [sys.executable, "-I", "-c", FUTURE]
    code, output, errors, text = suite.traced(command)
    require((code, output) == (0, b"-1 38\n"), f"{ending(code)} {output} {short(errors)}")
    require(re.search(r"syscall_0x1ea\(0x1, 0x2, 0x3, .* = -1 ENOSYS", text), "the number has no line of its own")
    trace = suite.path(".json")
    suite.execute([suite.tracer, "--json", "--only", "class:void", "-o", trace, "--", *command])
    calls = [json.loads(line) for line in trace.read_text().splitlines() if '"call":' in line]
    told = [call for call in calls if call["call"] == "syscall_0x1ea"]
    require(len(told) == 1 and told[0]["operation"] == "void.call", f"told: {calls[:3]}")
    policy = suite.path(".yaml")
    policy.write_text("abitrace: policy/1\ndefault: allow\n")
    code, output, errors = suite.execute([suite.tracer, "run", "--policy", policy, "--", *command])
    require((code, output) == (0, b"-1 38\n"), f"under a policy: {ending(code)} {output} {short(errors)}")


def run(suite):
    suite.case("forms/attributes", attributes_case)
    suite.case("forms/entries", entries_case)
    suite.case("forms/readiness", readiness_case)
    suite.case("forms/threads", threads_case)
    suite.case("forms/future", future_case)
