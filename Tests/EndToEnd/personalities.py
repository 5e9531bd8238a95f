# The same program for x86-64 and for i386: equal messages, and strace's lines for both.

import difflib
import json
import re
import shutil

from harness import PROGRAMS, Failure, Skip, require, short

# Programs whose calls are the same in both personalities once the C library has started.
SAME = ["carried_calls", "carried_ipc", "clocks", "keys", "old_forms", "socket_addresses", "socket_options"]
# Programs whose i386 lines are compared with strace's.
STRACE = [
    "files", "socket_addresses", "socket_messages", "socket_options", "carried_calls", "attributes", "interfaces",
    "memory", "mounts", "old_forms", "options", "signal_calls", "tracing",
]
# A name in i386 that stands for another in x86-64.
NAMES = {
    "fcntl64": "fcntl", "_llseek": "lseek", "mmap2": "mmap", "fstat64": "fstat", "sendfile64": "sendfile",
    "semtimedop_time64": "semtimedop", "recvmmsg_time64": "recvmmsg", "_newselect": "select",
    "set_thread_area": "arch_prctl", "futex_time64": "futex", "timerfd_gettime64": "timerfd_gettime",
}


def build(suite, name):
    binary = suite.folder / "programs" / f"{name}.i386"
    if binary.exists():
        return binary
    code, _, errors = suite.execute(
        ["gcc", "-m32", "-O1", "-Wall", "-pthread", "-o", binary, PROGRAMS / f"{name}.c"])
    if code != 0 and ("32" in errors or "cannot find" in errors):
        raise Skip("gcc cannot build for i386 here")
    require(code == 0, short(errors))
    return binary


def messages(suite, program):
    """The messages of a program after its loader and before its end, without what differs by address or width."""
    trace = suite.path(".jsonl")
    code, _, errors = suite.execute([suite.tracer, "--json", "-o", trace, "--", program])
    require(trace.exists() and code == 0, f"exit {code}: {short(errors)}")
    found = []
    for line in trace.read_text().splitlines():
        record = json.loads(line)
        if record["event"] != "call":
            continue
        items = {key: plain(value, key) for key, value in record["items"].items()}
        result = record.get("errno", plain(record.get("result"), "ipc_id" if "get" in record["call"] else "result"))
        found.append(json.dumps([NAMES.get(record["call"], record["call"]), record["operation"], items, result]))
    start = max((index for index, text in enumerate(found) if '"munmap"' in text), default=0)
    # Buffers of standard output ask for memory in their own way.
    noise = ("mem.", '["getrandom"', '["fstat"', '["newfstatat"', '["statx"', '["write"')
    return [text for text in found[start + 1:] if not any(part in text for part in noise)]


def plain(value, key):
    if isinstance(value, dict):
        return {name: plain(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member, key) for member in value]
    if isinstance(value, int) and value > 0x10000:
        return "ADDRESS"
    # What holds words is as long as the personality makes it.
    if key in ("cmsg_len", "msg_controllen", "optlen"):
        return "LENGTH"
    if key == "ipc_id":
        return "ID"
    if isinstance(value, str):
        return re.sub(r"0x[0-9a-f]{5,16}", "ADDRESS", value)
    return value


def same_case(suite, name):
    wide = messages(suite, suite.program(name)[0])
    narrow = messages(suite, build(suite, name))
    require(len(wide) > 8, f"only {len(wide)} messages")
    differing = [line for line in difflib.ndiff(wide, narrow) if line[0] in "-+"]
    listing = " | ".join(line[:200] for line in differing[:6])
    require(not differing, f"{len(differing)} messages differ (- x86_64, + i386): {listing}")


def strace_case(suite, name, normalised, allowed_differences):
    reference = shutil.which("strace")
    if not reference:
        raise Skip("strace is not installed")
    program = build(suite, name)
    expected = suite.path(".strace")
    suite.execute([reference, "-f", "-o", expected, program])
    _, _, _, text = suite.traced([program])
    theirs = normalised(expected.read_text(errors="replace"))
    if any("runs in 32 bit mode" in line for line in theirs):
        theirs = [line for line in theirs if "runs in 32 bit mode" not in line]
    allowed = allowed_differences(f"{name}.i386")
    differing = [
        line for line in difflib.ndiff(theirs, normalised(text))
        if line[0] in "-+" and not any(pattern.search(line[2:]) for pattern in allowed)]
    listing = " | ".join(line[:160] for line in differing[:6])
    require(not differing, f"{len(differing)} lines differ (- strace, + abitrace): {listing}")


def run(suite, normalised, allowed_differences):
    for name in SAME:
        suite.case(f"personalities/same_{name}", same_case, name)
    for name in STRACE:
        suite.case(f"personalities/strace_{name}", strace_case, name, normalised, allowed_differences)
