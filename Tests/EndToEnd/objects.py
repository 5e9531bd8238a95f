# What stands behind descriptors: the tables of a recording against the real ones, and -y against strace's.

import difflib
import json
import re
import shutil
import sys

from harness import Skip, ending, require, short

# Parts of a line that differ from run to run.
VARYING = [
    (r"^\d+ +", ""), (r"0x[0-9a-f]+", "ADDRESS"), (r"127\.0\.0\.1:\d+", "LOOPBACK:PORT"),
    (r":\[\d+(->\d+)?", ":[INODE"),
    (r"htons\(\d+\)", "htons(PORT)"), (r"pid:\d+|pidfd_open\(\d+|getpid\(\) += \d+|address\(\w*\) +=.*", "PID"),
    (r"handles-\w{6}", "handles"), (r" += ", " = "),
]


def real_tables(path):
    tables = {}
    for line in path.read_text().splitlines():
        mark, descriptor, closes, name = line.split("\t")
        tables.setdefault(mark, {})[int(descriptor)] = (name, closes == "1")
    return tables


def told_tables(suite, recording, point):
    """Every process's table as a recording tells it at a point."""
    code, output, errors = suite.execute([suite.tracer, "tree", "--at", point, recording])
    require(code == 0, f"tree: {ending(code)} {short(errors)}")
    tables, current = {}, None
    for line in output.decode(errors="replace").splitlines():
        line = re.sub(r"^[ │├└─]*", "", line)
        head = re.match(r"(\d+) (?!<)", line)
        if head:
            current = tables.setdefault(int(head[1]), {})
        entry = re.match(r"(\d+) <(.*)>(\(deleted\))? \w+( close-on-exec)?$", line)
        if entry and current is not None:
            name = entry[2] + (" (deleted)" if entry[3] else "")
            current[int(entry[1])] = (name, bool(entry[4]))
    return tables


def tables_case(suite, seed):
    folder = suite.path(".descriptors")
    folder.mkdir()
    log, recording = folder / "log", suite.path(".mcap")
    command = [suite.folder / "programs" / "descriptors", log, seed, "12", "2"]
    code, _, errors = suite.execute([suite.tracer, "record", "-s", "32", "-o", recording, "--", *command], cwd=folder)
    require(code == 0, f"{ending(code)}: {short(errors)}")
    code, output, errors = suite.execute([suite.tracer, "show", "--json", "-e", "write", recording])
    calls = {}
    for line in output.decode().splitlines():
        record = json.loads(line)
        text = re.search(r"checkpoint \d+\.\d+\.\d+", line)
        if text and record.get("errno") == "EBADF":
            calls[text[0]] = (record["id"], record["process"])
    tables = real_tables(log)
    require(len(tables) > 20 and set(tables) == set(calls), f"{len(tables)} tables, {len(calls)} checkpoints")
    for mark, real in tables.items():
        call, process = calls[mark]
        told = told_tables(suite, recording, f"#{call}").get(process, {})
        wrong = {number: (real.get(number), told.get(number))
                 for number in real.keys() | told.keys() if real.get(number) != told.get(number)}
        require(not wrong, f"{mark}: (really, told) differ: {wrong}")


def steady(text):
    lines = []
    for line in text.splitlines():
        for pattern, replacement in VARYING:
            line = re.sub(pattern, replacement, line)
        lines.append(line)
    return lines


def names_case(suite, flag):
    reference = shutil.which("strace")
    if not reference:
        raise Skip("strace is not installed")
    flags = [flag, "-e", "trace=!mmap,read,getrandom"]
    expected, recording = suite.path(".strace"), suite.path(".mcap")
    suite.execute([reference, "-f", *flags, "-o", expected, *suite.program("handles")])
    code, _, errors, text = suite.traced(suite.program("handles"), *flags)
    require(code == 0, f"{ending(code)}: {short(errors)}")
    theirs, ours = steady(expected.read_text()), steady(text)
    differing = [line for line in difflib.ndiff(theirs, ours) if line[0] in "-+"]
    require(not differing, f"{len(differing)} lines differ (- strace, + abitrace): {differing[:6]}")
    suite.execute([suite.tracer, "record", "-s", "32", "-o", recording, "--", *suite.program("handles")])
    code, output, _ = suite.execute([suite.tracer, "show", *flags, recording])
    require(steady(output.decode()) == ours, "a recording shows other names than a live trace")


def resolved_case(suite):
    """What a path leads to is recorded: links followed as the call would, names of what is not there."""
    folder, recording = suite.path(".resolved"), suite.path(".mcap")
    folder.mkdir()
    script = "ln -s /etc link; cd link; stat ../etc/passwd; test -e nothing; rm /proc/self/cwd/nothing; rm $1/link; true"
    code, _, errors = suite.execute(
        [suite.tracer, "record", "-o", recording, "--", "sh", "-c", script, "sh", folder], cwd=folder)
    require(code == 0, f"{ending(code)}: {short(errors)}")
    code, output, errors = suite.execute([suite.tracer, "show", "--json", recording])
    found, places = set(), set()
    for line in output.decode().splitlines():
        record = json.loads(line)
        places.add(record.get("items", {}).get("at"))
        for path in record.get("resolved", {}).values():
            found.add((record["operation"], path))
    wanted = {
        ("file.symlink", f"{folder}/link"), ("file.context_set", "/etc"), ("file.stat_get", "/etc/passwd"),
        ("file.stat_get", "/etc/nothing"), ("file.unlink", f"{folder}/link")}
    require("AT_FDCWD" in places and -100 not in places, f"the working directory is called {places}")
    require(wanted <= found, f"not resolved: {wanted - found}, found {sorted(found)[:20]}")


def moved_case(suite):
    """A file that is open keeps its name when that is changed through a link to its directory."""
    folder = suite.path(".moved")
    (folder / "real").mkdir(parents=True)
    (folder / "link").symlink_to("real")
    script = ("exec 7>real/one 8>real/other; mv link/one link/two; rm link/other; : >&7; : >&8; "
              "exec 9</proc/self/fd/7; readlink /proc/self/fd/7 /proc/self/fd/8")
    code, output, errors, text = suite.traced(["sh", "-c", script], "-y", "-e", "dup2", cwd=folder)
    require(code == 0 and output.decode().split("\n")[:2] == [f"{folder}/real/two", f"{folder}/real/other (deleted)"],
            f"really {output} {short(errors)}")
    for name in (f"<{folder}/real/two>", f"<{folder}/real/other>(deleted)"):
        require(name in text, f"no {name} in: {short(text, 8)}")


RING = """
import ctypes, mmap, os, struct
libc = ctypes.CDLL(None, use_errno=True)
params = bytearray(120)
buffer = (ctypes.c_char * 120).from_buffer(params)
ring = libc.syscall(425, 4, buffer)
if ring < 0: raise SystemExit(9)
entries, flags = struct.unpack_from("I", params, 0)[0], struct.unpack_from("10I", params, 40)
queue = mmap.mmap(ring, flags[6] + entries * 4, offset=0)
slots = mmap.mmap(ring, entries * 64, offset=0x10000000)
path = ctypes.create_string_buffer(b"/etc/passwd")
entry = struct.pack("BBHiQQIIQ", 18, 0, 0, -100, 0, ctypes.addressof(path), 0, 0, 1)
slots[0:len(entry)] = entry
struct.pack_into("I", queue, flags[6], 0)
struct.pack_into("I", queue, flags[1], 1)
assert libc.syscall(426, ring, 1, 1, 1, 0, 0) == 1
opened = [int(name) for name in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{name}") == "/etc/passwd"]
os.lseek(opened[0], 0, os.SEEK_SET)
"""


def ring_case(suite):
    """What a ring opened has a name in the next call."""
    trace = suite.path(".trace")
    code, output, errors = suite.execute(
        [suite.tracer, "-y", "-e", "lseek,io_uring_enter", "-o", trace, "--", sys.executable, "-I", "-c", RING])
    if code == 9:
        raise Skip("this kernel has no io_uring")
    require(code == 0, f"{ending(code)} {short(errors)}")
    require(re.search(r"lseek\(\d+</etc/passwd>, 0, SEEK_SET\) += 0", trace.read_text()), short(trace.read_text(), 8))


def run(suite):
    suite.case("objects/resolved", resolved_case)
    suite.case("objects/moved", moved_case)
    suite.case("objects/ring", ring_case)
    for seed in ("1", "2", "3"):
        suite.case(f"objects/tables_{seed}", tables_case, seed)
    for flag in ("-y", "-yy"):
        suite.case(f"objects/names{flag}", names_case, flag)
