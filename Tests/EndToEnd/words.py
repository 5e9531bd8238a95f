# What abitrace says of words: explain, syscalls and personality.

import json

from harness import ending, require, short

SAID = {
    "openat": ["system call of class file", "x86_64 257", "i386 295", "flags of open", "openat(2)"],
    "file.open": ["Opens a file", "open, creat, openat"],
    "O_TMPFILE": ["0x410000", "openat flags"],
    "ENOTTY": ["an errno", "25"],
    "25": ["ENOTTY", "mremap"],
    "statx": ["stx_mode", "system call"],
    "i386": ["ebx, ecx, edx, esi, edi, ebp", "int 0x80"],
}


def explained_case(suite, word, parts):
    code, output, errors = suite.execute([suite.tracer, "explain", word])
    require(code == 0, f"{ending(code)} {short(errors)}")
    for part in parts:
        require(part in output.decode(), f"no '{part}' in what is said of {word}")


def unknown_word_case(suite):
    code, output, errors = suite.execute([suite.tracer, "explain", "opnat", "getpid"])
    require(code == 1, f"{ending(code)}, not exit 1")
    require("'opnat'" in errors and "openat" in errors, f"no suggestion: {short(errors)}")
    require("getpid: a system call" in output.decode(), "the known word is not explained")


def table_case(suite):
    code, output, errors = suite.execute([suite.tracer, "syscalls", "--class", "sock", "--since", "2.6.20", "--json"])
    require(code == 0, f"{ending(code)} {short(errors)}")
    calls = {row["call"]: row for row in map(json.loads, output.decode().splitlines())}
    require(calls["accept4"]["numbers"]["x86_64"] == 288, "accept4 is not 288")
    require("socket" not in calls, "socket is older than 2.6.20")
    code, output, errors = suite.execute([suite.tracer, "syscalls", "--personality", "x86_64"])
    lines = output.decode().splitlines()
    require(lines[1].startswith("read ") and len(lines) > 380, f"{len(lines)} lines, the first {lines[1:2]}")
    code, output, errors = suite.execute([suite.tracer, "syscalls", "--class", "socks"])
    require(code == 2, f"an unknown class: {ending(code)}")


def personality_case(suite):
    code, output, errors = suite.execute([suite.tracer, "personality", "show", "i386"])
    require(code == 0, f"{ending(code)} {short(errors)}")
    for part in ("0x40000003", "eax", "-4095"):
        require(part in output.decode(), f"no {part}")
    code, output, _ = suite.execute([suite.tracer, "personality"])
    require(output.decode().count("entered by") == 2, "not two personalities")


def run(suite):
    for word, parts in SAID.items():
        suite.case(f"explain/{word}", explained_case, word, parts)
    suite.case("explain/unknown", unknown_word_case)
    suite.case("syscalls/table", table_case)
    suite.case("personality/show", personality_case)
