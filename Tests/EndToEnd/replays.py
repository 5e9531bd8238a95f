# Recordings decided again: of earlier schemas, many at once, damaged ones; and refusals answered one by one on a terminal.

import json
import os
import pty
import re
import select
import shutil
import sqlite3
import time
import xml.etree.ElementTree

from harness import HERE, SYSTEM, Failure, ending, require, short
from walkthrough import PLAIN

KEPT = HERE.parent / "Recordings"
POLICY = """abitrace: policy/1
files:
  /usr: ro+run
  /etc/ld.so.cache: ro   # the loader's
  /etc/ld.so.preload: ro
"""


def recorded(suite, *command, name=".mcap", folder=None):
    folder = folder or suite.path(".dir")
    folder.mkdir(exist_ok=True)
    recording = suite.path(name)
    suite.execute([*PLAIN, suite.tracer, "record", "-o", recording, "--", *command], cwd=folder)
    require(recording.exists(), "nothing was recorded")
    return recording


def calls(suite, recording):
    """Call, operation and what came of it, by thread: what a recording means, however it is shown."""
    code, output, errors = suite.execute([suite.tracer, "show", "--json", recording])
    require(code == 0 and not errors, f"{recording.name}: {ending(code)} {short(errors)}")
    lines = [line for line in map(json.loads, output.decode().splitlines()) if line["event"] == "call"]
    return [f"{line['call']}\t{line.get('errno', 'returned' if 'result' in line else 'unfinished')}" for line in lines]


def kept_case(suite, recording):
    """A recording of an earlier schema means today what it meant when it was made."""
    wanted = recording.with_suffix(".calls").read_text().splitlines()
    found = calls(suite, recording)
    require(found == wanted, f"{len(found)} calls, not {len(wanted)}, or others: "
            f"{[pair for pair in zip(found, wanted) if pair[0] != pair[1]][:3]}")
    code, output, errors = suite.execute(
        [suite.tracer, "policy", "test", KEPT / "policy.yaml", recording.with_suffix(".yaml")])
    require(code == 0, f"{output.decode()} {errors}")


def directory_case(suite):
    """Many at once: each is decided as it is alone, in the order of names; one that is damaged takes nothing along."""
    folder, policy = suite.path(".recordings"), suite.path(".yaml")
    folder.mkdir()
    policy.write_text(POLICY)
    for number in range(6):
        recording = recorded(suite, "cat", "/etc/hostname" if number % 2 else "/usr/bin/env")
        shutil.move(recording, folder / f"{number}.mcap")
    (folder / "notes.txt").write_text("no recording\n")
    alone = b""
    for number in range(6):
        code, output, _ = suite.execute([suite.tracer, "replay", "--policy", policy, "--json", folder / f"{number}.mcap"])
        require(code == number % 2, f"{number}: {ending(code)}")
        alone += output
    report = suite.path(".xml")
    code, output, errors = suite.execute(
        [suite.tracer, "replay", "--policy", policy, "--json", "--junit", report, folder])
    require(code == 1 and output == alone, f"{ending(code)}: otherwise than alone: {short(output)} {short(errors)}")
    for line in map(json.loads, output.decode().splitlines()):
        require(line["operation"] == "file.open" and "/etc/hostname" in line["text"], f"refused: {line}")
    tree = xml.etree.ElementTree.parse(report).getroot()
    require((tree.get("tests"), tree.get("failures")) == ("6", "3"), f"JUnit: {tree.attrib}")
    code, output, _ = suite.execute([suite.tracer, "replay", "--policy", policy, folder])
    sums = re.findall(r"^\S*/(\d)\.mcap: \d+ calls, (\d) refused", output.decode(), re.M)
    require(sums == [(str(number), str(number % 2)) for number in range(6)], f"sums: {sums}")
    (folder / "3.mcap").write_bytes(b"this is none")
    code, output, errors = suite.execute([suite.tracer, "replay", "--policy", policy, folder])
    require(code == 1 and "3.mcap" in errors and output.decode().count("1 refused") == 2, f"{ending(code)} {short(errors)}")
    empty = suite.path(".empty")
    empty.mkdir()
    code, _, errors = suite.execute([suite.tracer, "replay", "--policy", policy, empty])
    require(code == 1 and "no recording" in errors, f"{ending(code)} {errors}")


def follow_up_case(suite):
    """What is done with a file that would not have been opened is no refusal of its own."""
    recording, policy = recorded(suite, "cat", "/etc/hostname"), suite.path(".yaml")
    policy.write_text(POLICY)
    code, output, _ = suite.execute([suite.tracer, "replay", "--policy", policy, "--json", recording])
    refused = [json.loads(line)["operation"] for line in output.decode().splitlines()]
    require(code == 1 and refused == ["file.open"], f"{ending(code)} {refused}")


def elsewhere_case(suite):
    """A recording that began in another directory: said, and taken as it was where that is asked for."""
    here, there, policy = suite.path(".here"), suite.path(".there"), suite.path(".yaml")
    here.mkdir()
    recording = recorded(suite, "sh", "-c", "echo one > made; cat made", folder=there)
    policy.write_text(POLICY + "  ${CWD}: rw+create\n  /etc/locale.alias: ro\n  /dev/tty: rw\n")
    command = [suite.tracer, "replay", "--policy", policy]
    code, output, errors = suite.execute([*command, recording], cwd=here)
    require(code == 1 and f"began in {there}" in errors and "--cwd recorded" in errors, f"{ending(code)} {errors}")
    for directory in ("recorded", there):
        code, output, errors = suite.execute([*command, "--cwd", directory, recording], cwd=here)
        require(code == 0 and not errors, f"--cwd {directory}: {ending(code)} {output.decode()} {errors}")


def portable_case(suite):
    """What programs rest on that other systems lack, each once, with what to try."""
    recording, policy = suite.path(".mcap"), suite.path(".yaml")
    script = (
        "import socket, select\n"
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)\n"
        "for _ in range(3): select.epoll()\n"
        "socket.socket(socket.AF_UNIX).bind('\\0abitrace-test')\n")
    code, _, errors = suite.execute([suite.tracer, "record", "-o", recording, "--", "/usr/bin/python3", "-I", "-S", "-c", script])
    require(code == 0, short(errors))
    policy.write_text("abitrace: policy/1\nfiles: {/usr: ro+run}\n")
    code, output, _ = suite.execute([suite.tracer, "policy", "check", "--over", recording, policy])
    told = output.decode()
    for words in ("makes SOCK_SEQPACKET sockets", "waits by epoll; BSD and macOS have kqueue (", "abstract unix sockets"):
        require(told.count(words) == 1, f"{words}: {told}")
    require(code == 0 and "deny: EPROTONOSUPPORT" in told, f"{ending(code)} {told}")
    code, _, _ = suite.execute([suite.tracer, "policy", "check", "--strict", "--over", recording, policy])
    require(code == 1, f"--strict: {ending(code)}")


def fallback_case(suite):
    """The hint, taken: sequenced sockets are refused as on a system that lacks them, and a program falls back."""
    policy, recording = suite.path(".yaml"), suite.path(".mcap")
    policy.write_text(SYSTEM + "network: {connect: [unix *]}\n")
    script = (
        "import errno, socket\n"
        "for kind in (socket.SOCK_SEQPACKET, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC, socket.SOCK_STREAM):\n"
        "  for make in (socket.socket, socket.socketpair):\n"
        "    try: make(socket.AF_UNIX, kind); print('made')\n"
        "    except OSError as error: print(errno.errorcode[error.errno])\n")
    command = ["/usr/bin/python3", "-I", "-S", "-c", script]
    _, output, _ = suite.execute(command)
    require(output.split() == [b"made"] * 6, f"bare: {output}")
    suite.execute([suite.tracer, "record", "-o", recording, "--", *command])
    _, output, _ = suite.execute([suite.tracer, "policy", "check", "--over", recording, policy])
    hint = re.search(r"makes SOCK_SEQPACKET sockets.*?\(4 calls\)\n    hint: .*?: (rules: .*)", output.decode())
    require(hint, f"no hint: {output.decode()}")
    policy.write_text(policy.read_text() + hint[1] + "\n")
    code, output, errors = suite.execute([suite.tracer, "policy", "check", "--strict", policy])
    require(code == 0 or b"SOCK_SEQPACKET" not in output, output.decode())
    code, output, errors = suite.execute([suite.tracer, "run", "--policy", policy, "-o", recording, "--", *command])
    require(output.split() == [b"EPROTONOSUPPORT"] * 4 + [b"made"] * 2, f"{ending(code)} {output} {errors}")
    code, output, errors = suite.execute([suite.tracer, "replay", "--expect", "live", recording])
    require(code == 0, f"{ending(code)} {output} {errors}")


def consumers_case(suite):
    """The census lists exactly the programs that used an operation, as often as they did."""
    folder = suite.path(".recordings")
    folder.mkdir()
    server = ("import socket, threading\nserver = socket.create_server(('127.0.0.1', 0))\n"
              "threading.Thread(target=lambda: [server.accept() for _ in range(3)]).start()\n"
              "for _ in range(3): socket.create_connection(server.getsockname())\n")
    for name, command in (("one", ["/usr/bin/python3", "-I", "-S", "-c", server]), ("two", ["sh", "-c", "ls /; cat /no/such; ls /usr"]),
                          ("three", ["sh", "-c", "mkdir made && rmdir made"])):
        recording = recorded(suite, *command)
        shutil.move(recording, folder / f"{name}.mcap")
    wanted, used = {}, set()
    for recording in sorted(folder.iterdir()):
        database = suite.path(".db")
        code, _, errors = suite.execute([suite.tracer, "export", "--to", "sqlite", "-o", database, recording])
        require(code == 0, errors)
        rows = sqlite3.connect(database).execute(
            "SELECT operation, program, count(*), count(errno) FROM calls WHERE result IS NOT NULL GROUP BY operation, program")
        for operation, program, calls, failures in rows:
            known = wanted.setdefault((operation, program or "a program without a name"), [0, 0, 0])
            wanted[operation, program or "a program without a name"] = [known[0] + calls, known[1] + failures, known[2] + 1]
            used.add(operation)
    for operation in ("sock.accept", "file.readdir", "file.open", "file.create", "proc.exec", "mount.attach", "ipc"):
        code, output, errors = suite.execute([suite.tracer, "policy", "consumers", operation, folder])
        found = {}
        for line in output.decode().splitlines():
            match = re.match(r"(.+): (\S+), (\d+) calls?(?:, (\d+) failed)?, in (\d) of 3 recordings; ", line)
            if match:
                found[match[2], match[1]] = [int(match[3]), int(match[4] or 0), int(match[5])]
        expected = {key: values for key, values in wanted.items() if key[0] == operation}
        require(found == expected, f"{operation}: {found}, not {expected}")
        require(code == (1 if expected else 0), f"{operation}: {ending(code)}")
        require(expected or b"has no consumers in 3 recordings" in output, f"{operation}: {output}")
    require("sock.accept" in used and "file.readdir" in used, f"the programs did {used}")


class Terminal:
    """A program on a terminal of its own, asked and answered."""

    def __init__(self, command, folder):
        self.text = ""
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvp(command[0], [str(word) for word in command])

    def wait(self, pattern, start=0):
        """Until the text from `start` on has the pattern; answers where it ends."""
        limit = time.monotonic() + 30
        while True:
            match = re.search(pattern, self.text[start:])
            if match:
                return start + match.end()
            if time.monotonic() > limit or not self.read():
                raise Failure(f"no {pattern!r} in: {self.text[start:][-600:]}")

    def read(self):
        if not select.select([self.descriptor], [], [], 30)[0]:
            return False
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def answer(self, text):
        os.write(self.descriptor, text.encode() + b"\n")

    def end(self):
        while self.read():
            pass
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


PROMPT = r"\(q\)uit\? "


# What a process may do to itself, to others under the policy, and to init; and what reaches whole groups and users.
PROCESSES = """import os, resource, signal, time
def ask(name, what):
    try: what(); print(name, 'done')
    except OSError as error: print(name, error.strerror)
nice = os.getpriority(os.PRIO_PROCESS, 0)
child = os.fork()
if child == 0:
    time.sleep(60)
for name, who in ('self', os.getpid()), ('child', child), ('parent', os.getppid()), ('zero', 0), ('init', 1):
    ask('kill ' + name, lambda: os.kill(who, 0))
    ask('group ' + name, lambda: os.getpgid(who))
    ask('session ' + name, lambda: os.getsid(who))
    ask('affinity ' + name, lambda: os.sched_getaffinity(who))
    ask('nice ' + name, lambda: os.getpriority(os.PRIO_PROCESS, who))
    ask('renice ' + name, lambda: os.setpriority(os.PRIO_PROCESS, who, nice))
    ask('limit ' + name, lambda: resource.prlimit(who, resource.RLIMIT_NOFILE))
    ask('handle ' + name, lambda: os.close(os.pidfd_open(who or child)))
os.setpgid(child, child)
ask('kill group', lambda: os.kill(-child, 0))
for name, which in ('group', os.PRIO_PGRP), ('user', os.PRIO_USER):
    ask('nice ' + name, lambda: os.getpriority(which, 0))
    ask('renice ' + name, lambda: os.setpriority(which, 0, nice))
os.kill(child, 9)
time.sleep(.2)
ask('kill ended', lambda: os.kill(child, 0))
os.waitpid(child, 0)
ask('kill gone', lambda: os.kill(child, 0))
"""


def processes_case(suite):
    """Who is under the policy is known when a recording is decided, as it is when the program runs."""
    program = suite.path(".py")
    program.write_text(PROCESSES)
    policy = suite.path(".yaml")
    policy.write_text(f"{SYSTEM}  {program}: ro\nambient: [self, child, mm, clock]\n")
    command = ["sh", "-c", f"/usr/bin/python3 -S {program}; :"]
    recording = recorded(suite, *command)
    _, bare, _ = suite.execute(command)
    _, held, errors = suite.execute([suite.tracer, "run", "--policy", policy, "--", *command])
    asked = {line[:-len(" done")] for line in bare.decode().splitlines() if line.endswith(" done")}
    require({"renice user", "renice group", "kill init"} <= asked, f"bare: {short(bare, 40)}")
    refused = {line[:-len(" Permission denied")] for line in held.decode().splitlines() if line.endswith("denied")}
    wanted = {name for name in asked if name.endswith(" init")} | {
        f"{word} {whose}" for word in ("nice", "renice") for whose in ("group", "user")}
    require(refused == wanted, f"refused: {sorted(refused)} {short(errors)}")
    _, output, _ = suite.execute([suite.tracer, "replay", "--json", "--policy", policy, recording])
    replayed = {json.loads(line)["operation"] for line in output.decode().splitlines() if line.startswith("{")}
    live = set(re.findall(r"^abitrace: \S+: ([a-z_.]+)\(.*refused", errors, re.M))
    of_processes = {name for name in replayed ^ live if not name.startswith("file.")}
    require(not of_processes and "sched.set" in live, f"replayed: {replayed}, live: {live}")


def fix_case(suite):
    """Yes, narrower, no, explain and undo; comments and layout stay."""
    folder = suite.path(".dir")
    folder.mkdir()
    (folder / "data").write_text("x")
    recording = recorded(
        suite, "sh", "-c", "cat /etc/hostname; cat data > copy; rm copy", folder=folder)
    policy = folder / "policy.yaml"
    policy.write_text(POLICY + "  ${CWD}: stat+lookup  # its own\n")
    before = policy.read_text()
    terminal = Terminal([suite.tracer, "policy", "fix", policy, recording], folder)
    place = terminal.wait(PROMPT)
    require("file.open /etc/hostname" in terminal.text and "yes:      files: {/etc/hostname: ro" in terminal.text,
            f"asked: {terminal.text}")
    require("narrower: files: {/etc/hostname:" in terminal.text, f"no narrower line: {terminal.text}")
    terminal.answer("e")
    place = terminal.wait(PROMPT, place)
    require("needs" in terminal.text or "rights" in terminal.text, f"explained: {terminal.text}")
    terminal.answer("y")
    place = terminal.wait(PROMPT, place)
    require("/copy: deny" in terminal.text[-1500:], f"next: {terminal.text[-600:]}")
    terminal.answer("u")
    start, place = place, terminal.wait(PROMPT, place)
    require("/etc/hostname" in terminal.text[start:], f"undo took nothing back: {terminal.text[start:]}")
    terminal.answer("what?")
    place = terminal.wait(PROMPT, place)
    terminal.answer("r")
    place = terminal.wait(PROMPT, place)
    terminal.answer("y")
    place = terminal.wait(PROMPT, place)
    # The rest is left as it is.
    while True:
        terminal.answer("n")
        try:
            place = terminal.wait(PROMPT, place)
        except Failure:
            break
    code = terminal.end()
    require(code == 1, f"something is left, and {ending(code)}")
    after = policy.read_text()
    for line in before.splitlines():
        if "${CWD}" not in line:
            require(line in after.splitlines(), f"lost: {line}\n{after}")
    require("# its own" in after and "  /etc/hostname: " in after and "/etc/hostname: ro" not in after, after)
    require('"${CWD}/copy": rw+create' in after, after)


def quit_case(suite):
    """Leaving half way keeps what was answered; end of input is leaving."""
    folder = suite.path(".dir")
    folder.mkdir()
    recording = recorded(suite, "cat", "/etc/hostname", "/etc/passwd", folder=folder)
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    terminal = Terminal([suite.tracer, "policy", "fix", policy, recording], folder)
    place = terminal.wait(PROMPT)
    terminal.answer("y")
    terminal.wait(PROMPT, place)
    terminal.answer("q")
    require(terminal.end() == 1, "something is left")
    require("/etc/hostname: ro" in policy.read_text() and "/etc/passwd" not in policy.read_text(), policy.read_text())
    terminal = Terminal([suite.tracer, "policy", "fix", policy, recording], folder)
    terminal.wait(PROMPT)
    terminal.answer("y")
    require(terminal.end() == 0, "nothing is left")
    code, _, _ = suite.execute([suite.tracer, "replay", "--policy", policy, recording], cwd=folder)
    require(code == 0, "still refused")


def progress_case(suite):
    """A terminal is told how far a long replay is; a file is not."""
    recording = recorded(suite, suite.folder / "programs" / "getppid_loop", "120000")
    policy = suite.path(".yaml")
    policy.write_text("abitrace: policy/1\nfiles: {/: ro+run}\n")
    terminal = Terminal([suite.tracer, "replay", "--policy", policy, recording], suite.folder)
    code = terminal.end()
    require(code == 0 and re.search(r"\r\S+\.mcap: 100\d\d\d calls", terminal.text), f"{ending(code)} {terminal.text[:300]}")
    code, output, errors = suite.execute([suite.tracer, "replay", "--policy", policy, recording])
    require(code == 0 and not errors and b"\r" not in output, f"{ending(code)} {errors}")
    require(re.search(rb": 120\d\d\d calls, 0 refused", output), f"{output}")


def bad_recordings(suite):
    """What every command is given: a newer version, one that was cut, one of nothing, none at all."""
    whole = recorded(suite, "cat", "/etc/hostname").read_bytes()
    header = re.search(rb"abitrace recording (\d+)", whole[:200])
    folder = suite.path(".bad")
    folder.mkdir()
    kinds = {
        "newer": whole[:header.start(1)] + b"9" * len(header[1]) + whole[header.end(1):],
        "cut": whole[:len(whole) * 2 // 3], "begun": whole[:8], "empty": b"", "none": b"#!/bin/sh\n" * 100,
    }
    for name, data in kinds.items():
        (folder / f"{name}.mcap").write_bytes(data)
    return folder


COMMANDS = [
    ["replay", "--policy", "POLICY", "REC"], ["policy", "learn", "REC"], ["policy", "shrink", "POLICY", "REC"],
    ["policy", "fix", "--dry-run", "POLICY", "REC"], ["policy", "diff", "POLICY", "OTHER", "REC"],
    ["policy", "consumers", "file.open", "REC"], ["policy", "check", "--over", "REC", "POLICY"], ["report", "-o", "OUT", "REC"],
    ["export", "--to", "chrome", "-o", "OUT", "REC"], ["export", "--to", "sqlite", "-o", "OUT", "REC"],
    ["export", "--to", "folded", "REC"], ["export", "--to", "jsonl", "REC"], ["show", "REC"], ["tree", "REC"],
    ["replay", "REC"], ["policy", "test", "POLICY", "EXPECTATIONS"],
]


def bad_recording_case(suite, kind, word, usable):
    """Each command says what is wrong with which file, and does what can still be done."""
    folder = bad_recordings(suite)
    recording = folder / f"{kind}.mcap"
    policy, other, expectations = (folder / name for name in ("policy.yaml", "other.yaml", "expectations.yaml"))
    policy.write_text("abitrace: policy/1\nfiles: {/usr: ro+run, /etc: ro}\n")
    other.write_text("abitrace: policy/1\nfiles: {/usr: ro+run}\n")
    expectations.write_text(f"abitrace: expectations/1\nrecordings: [{{file: {recording}, refused: none}}]\n")
    for command in COMMANDS:
        out = suite.path(".out")
        words = {"POLICY": policy, "OTHER": other, "REC": recording, "OUT": out, "EXPECTATIONS": expectations}
        code, output, errors = suite.execute([suite.tracer, *(words.get(part, part) for part in command)])
        if command[:2] == ["policy", "test"]:
            errors += output.decode()  # That an expectation is not met is a result.
        told = f"{' '.join(command)}: {ending(code)}, says: {short(errors)}"
        require(code in (0, 1) and "Fatal" not in errors, told)
        require(word in errors and recording.name in errors, told)
        require(usable or code == 1, told)
        if usable and command[0] in ("report", "export") and "OUT" in command:
            require(out.exists() and out.stat().st_size > 0, f"nothing was made of what is there: {told}")
        if not usable and command[0] == "export" and "sqlite" in command:
            require(not out.exists(), f"a database of nothing: {told}")


def bad_policy_case(suite):
    """A policy with mistakes: each command names the line, and changes nothing."""
    recording = recorded(suite, "true")
    policy = suite.path(".yaml")
    policy.write_text("abitrace: policy/1\nfiles:\n  /usr: ro+rum\n  relative: ro\nclases: {mount: deny}\n")
    for command in (["policy", "check", policy], ["policy", "explain", policy], ["policy", "fix", "--all", policy, recording],
                    ["policy", "shrink", policy, recording], ["policy", "export", "--to", "oci", policy],
                    ["policy", "diff", policy, policy], ["replay", "--policy", policy, recording],
                    ["run", "--policy", policy, "--", "true"], ["policy", "merge", policy, policy],
                    ["policy", "fmt", policy], ["report", "--policy", policy, "-o", suite.path(".html"), recording]):
        before = policy.read_text()
        code, output, errors = suite.execute([suite.tracer, *command])
        told = f"{command[0]} {command[1]}: {ending(code)}: {short(errors)} {short(output)}"
        require(code in (1, 2), told)
        require(f"{policy}:3:" in output.decode() + errors or command[1] == "fmt", f"no line: {told}")
        require(policy.read_text() == before, f"changed: {told}")


def run(suite):
    for recording in sorted(KEPT.glob("*.mcap")):
        suite.case(f"replay/kept/{recording.stem}", kept_case, recording)
    suite.case("replay/directory", directory_case)
    suite.case("replay/follow_up", follow_up_case)
    suite.case("replay/elsewhere", elsewhere_case)
    suite.case("replay/portable", portable_case)
    suite.case("replay/fallback", fallback_case)
    suite.case("replay/consumers", consumers_case)
    suite.case("replay/progress", progress_case)
    suite.case("replay/processes", processes_case)
    suite.case("fix/terminal", fix_case)
    suite.case("fix/quit", quit_case)
    for kind, word, usable in (("newer", "newer", False), ("cut", "cut off", True), ("begun", "cut off", True),
                               ("empty", "empty", False), ("none", "not a recording", False)):
        suite.case(f"bad/recording/{kind}", bad_recording_case, kind, word, usable)
    suite.case("bad/policy", bad_policy_case)
