# What abitrace says of words: explain, syscalls and personality.

import json
import re

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


# A number that no kernel has, said to be a call by a file; getppid's said to be none.
NUMBERS = "# of another kernel\nx86_64 1000 openat\n\nx86_64 110 -   # getppid\nx86_64 39 getppid\n"
WRONG_NUMBERS = {
    "x86_64 1000 opnat\n": "1:13: x86_64 has no call 'opnat'",
    "x86_64 1000 openat\nx86_64 1000 read\n": "2:8: line 1 has 1000 already",
    "# none\n  alpha 1 read\n": "2:3: there is no personality 'alpha'",
    "x86_64 1024 read\n": "1:8: '1024' is no number",
    "x86_64 read\n": "1:1: expected PERSONALITY NUMBER CALL",
    "i386 500 map_shadow_stack_2\n": "1:10: i386 has no call",
}


def numbers_case(suite):
    """A file of numbers changes decoding with no rebuild, live and of a recording made without it."""
    table, calls, recording = suite.path(".numbers"), suite.path(".calls"), suite.path(".mcap")
    table.write_text(NUMBERS)
    calls.write_text("1000 0xffffffffffffff9c @2f6574632f70617373776400 0 0 0 0\n39 0 0 0 0 0 0\n110 0 0 0 0 0 0\n")
    command = [*suite.program("refused_calls"), calls]
    _, _, _, plain = suite.traced(command)
    require("syscall_0x3e8(" in plain and "getpid()" in plain and "getppid()" in plain, f"bare: {short(plain)}")
    _, _, errors, text = suite.traced(command, f"--numbers={table}")
    require('openat(AT_FDCWD, "/etc/passwd", O_RDONLY)' in text, f"1000 is no openat: {short(errors)} {short(text[-400:])}")
    require("getppid()" in text and "getpid()" not in text and "syscall_0x6e(" in text, f"{text[-400:]}")
    # Of a recording, numbers that had a name keep it.
    suite.execute([suite.tracer, "record", "-o", recording, "--", *command])
    code, shown, errors = suite.execute([suite.tracer, "show", "--numbers", table, recording])
    require(code == 0 and b"openat(AT_FDCWD, 0x" in shown, f"{ending(code)} {short(errors)}")
    require(b"getpid()" in shown and b"getppid()" in shown, "names of a recording changed with the table")
    code, _, errors = suite.execute([suite.tracer, "replay", "--numbers", table, "--policy", "read-only", recording])
    require(code == 2 and "--numbers" in errors, f"with a policy: {ending(code)} {short(errors)}")


def wrong_numbers_case(suite):
    for text, place in WRONG_NUMBERS.items():
        table = suite.path(".numbers")
        table.write_text(text)
        code, _, errors = suite.execute([suite.tracer, "--numbers", table, "true"])
        require(code == 1 and f"{table}:{place}" in errors, f"{text!r}: {ending(code)} {short(errors)}")
    code, _, errors = suite.execute([suite.tracer, "--numbers", "/does/not/exist", "true"])
    require(code == 1 and "/does/not/exist" in errors, f"no file: {ending(code)} {short(errors)}")


def written_table_case(suite):
    """The table that is written reads back, and changes nothing."""
    code, output, errors = suite.execute([suite.tracer, "personality", "table"])
    rows = output.decode().splitlines()
    require(code == 0 and "x86_64 257 openat" in rows and "i386 295 openat" in rows, f"{ending(code)} {short(errors)}")
    table = suite.path(".numbers")
    table.write_bytes(output)
    _, _, _, plain = suite.traced(suite.program("exit_code"))
    _, _, errors, text = suite.traced(suite.program("exit_code"), f"--numbers={table}")
    names = [re.findall(r"^(?:\d+ +)?(\w+)\(", lines, re.M) for lines in (plain, text)]
    require(names[0] and names[0] == names[1], f"{short(errors)} {names[1][:5]}")


def run(suite):
    for word, parts in SAID.items():
        suite.case(f"explain/{word}", explained_case, word, parts)
    suite.case("explain/unknown", unknown_word_case)
    suite.case("syscalls/table", table_case)
    suite.case("personality/show", personality_case)
    suite.case("personality/numbers", numbers_case)
    suite.case("personality/wrong_numbers", wrong_numbers_case)
    suite.case("personality/written_table", written_table_case)
