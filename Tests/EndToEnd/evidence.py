# What is told of refusals: program, operation, items, the deciding line and the line that would allow it, which then
# does; and nothing in it that a terminal would obey. Terminals, nested supervisors.

import fcntl
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import termios
from pathlib import Path

from harness import MARK, SYSTEM, Skip, ending, require, short

BASE = SYSTEM + "  /etc/hidden-by-test: none\n  {place}: rw+create+delete\n"

# A program of Python, what more the policy says, what the refusal must say.
KINDS = [
    ("open", "open('/etc/hostname', 'r+')", "", r"file\.open\(/etc/hostname\) refused \(Permission denied\): lacks write.*"
     r"\[.*told\.yaml:\d+: /etc: ro\]"),
    ("uncovered", "open('/var/lib/dpkg/status')", "", r"file\.open\(/var/lib/dpkg/status\) refused .*lacks read"),
    ("hidden", "open('{place}/secret')", "",
     r"file\.open\({place}/secret\) refused \(No such file or directory\): hidden \[.*:\d+: {place}/secret: none\]"),
    ("create", "open('/usr/made', 'w').close() or __import__('os').unlink('/usr/made')", "",
     r"file\.open\(/usr/made\) refused .*lacks .*create_file"),
    ("connect", "import socket; s = socket.socket(); s.settimeout(.2)\ntry: s.connect(('127.0.0.1', 9))\n"
     "except ConnectionRefusedError: pass", 'network:\n  connect: ["tcp 127.0.0.1:10"]\n',
     r"sock\.connect\(tcp 127\.0\.0\.1:9\) refused .*no entry under network covers it"),
    ("socket", "import socket; socket.socket()", "", r"sock\.create\(family=AF_INET, type=SOCK_STREAM\|SOCK_CLOEXEC, "
     r"protocol=\w+\) refused .*lacks sock_create"),
    ("switched", "import os; os.uname()", "classes:\n  sys.info: deny EPERM\n",
     r"sys\.info\(.*refused \(Operation not permitted\): sys\.info is switched \[.*told\.yaml:\d+: sys\.info: deny EPERM\]"),
    ("by default", "import ctypes; n = ctypes.CDLL(None, use_errno=True).syscall(425, 1, 0)\n"
     "if n < 0 and ctypes.get_errno() == 38: raise SystemExit(3)", "", r"async\.ring.*refused unless named"),
    ("program", "import os; os.execv('/usr/bin/id', ['id'])", "programs:\n  /usr/bin/python3*: {}\n  /usr/lib/**/ld*: {}\n",
     r"proc\.exec\(/usr/bin/id.*refused .*not among the programs"),
    ("moved", "import os; open('{place}/a', 'w').close(); os.makedirs('{place}/w', exist_ok=True); os.rename('{place}/a', '{place}/w/b')",
     "", r"its new name would give it more rights"),
    ("signal", "import os; os.kill(1, 0)", "", r"signal\.send\(who=1, signal=0\) refused .*lacks signal"),
    ("namespace", "import ctypes\nif ctypes.CDLL(None).unshare(0x4000000): raise SystemExit(3)", "",
     r"proc\.namespace\(.*refused \(Permission denied\): lacks ns_change"),
    ("rule", "open('/etc/hostname')", "rules:\n  - on: file.open\n    where: {path: /etc/hostname}\n    deny: EIO\n"
     "    because: nobody asks\n", r"refused \(Input/output error\): nobody asks \[.*told\.yaml:\d+"),
]


# What of a policy a kind needs under `files`.
PLACES = {"moved": "  {place}/w: rw+create+delete+run\n", "hidden": "  {place}/secret: none\n"}


def written(suite, more, places=""):
    place = suite.path(".place")
    place.mkdir()
    (place / "secret").write_text("x")
    policy = place.with_suffix(".told.yaml")
    policy.write_text((BASE + places).format(place=place) + more)
    return place, policy


def told(suite, policy, place, program):
    program = program.replace("{place}", str(place))
    code, output, errors = suite.execute(
        [suite.tracer, "run", "--policy", policy, "--", "/usr/bin/python3", "-S", "-c", program])
    lines = [line for line in errors.splitlines() if line.startswith("abitrace: ") and " refused" in line]
    return code, lines, errors


def remedied(text, remedy):
    """The policy with the line that a refusal names, which stands in place of one for the same thing."""
    away = re.fullmatch(r"no rule at .*:(\d+)", remedy)
    if away:
        lines = text.splitlines(keepends=True)
        first = int(away[1]) - 1
        end = next((n for n in range(first + 1, len(lines)) if not lines[n].startswith("    ")), len(lines))
        return re.sub(r"rules:\n(?!  )", "", "".join(lines[:first] + lines[end:]))
    section, value = re.fullmatch(r"(\w+): (.*)", remedy.replace("HOST:PORT", "127.0.0.1:9")).groups()
    if section == "ambient":
        return text + f"{section}: {value}\n"
    entry = "  " + value[1:-1] + "\n"
    if not re.search(rf"^{section}:", text, re.M):
        return f"{text}{section}:\n{entry}"
    if section == "network":
        return re.sub(r"connect: \[", "connect: [" + re.search(r'"[^"]*"', value)[0] + ", ", text)
    key = re.escape(entry[:entry.index(": ")])
    return re.sub(rf"^{section}:\n", f"{section}:\n{entry}", re.sub(rf"^{key}: .*\n", "", text, flags=re.M), flags=re.M)


def kind_case(suite, name, program, more, expected):
    """What is told, and that its own remedies, one after the other, let the program through."""
    place, policy = written(suite, more, PLACES.get(name, ""))
    expected = expected.replace("{place}", re.escape(str(place)))
    code, lines, errors = told(suite, policy, place, program)
    require(code != 0, f"nothing was refused: {short(errors)}")
    wanted = [line for line in lines if re.search(expected, line)]
    require(wanted, f"no line says so: {' | '.join(lines)[:400]}")
    require(re.match(r"abitrace: /usr/bin/python3[\d.]*: ", wanted[0]), f"no program: {wanted[0]}")
    for _ in range(4):
        for line in wanted:
            remedy = re.search(r"to allow it: (.*)$", line)
            require(remedy, f"no remedy: {line}")
            policy.write_text(remedied(policy.read_text(), remedy[1]))
        code, lines, errors = told(suite, policy, place, program)
        if code == 0:
            return
        # The program went on, to the next thing that it may not do.
        wanted = lines
    require(False, f"the remedies do not help: {ending(code)} {short(errors)[-300:]} {policy.read_text()[-300:]}")


def control_case(suite):
    """Names are the program's to choose; what is printed of them is not a terminal's to obey."""
    place, policy = written(suite, "")
    program = ("import os\nfor n in (b'/var/\\x1b]0;owned\\x07', b'/var/a\\nabitrace: all is well', b'/var/\\xc2\\x9b31m', "
               "b'/var/' + b'x' * 65536, b'/var/' + b'\\xff' * 250, b'/var/' + b'd/' * 2000):\n"
               " try: os.mkdir(n)\n except OSError as e: print(e.errno)")
    command = [suite.tracer, "run", "--policy", policy, "--", "/usr/bin/python3", "-S", "-c", program]
    process = suite.start(command)
    output, errors = process.communicate()
    require(output.count(b"\n") == 6, f"printed {short(output)}")
    strange = [byte for byte in errors if byte < 32 and byte != 10 or byte > 126]
    require(not strange, f"bytes {strange[:10]} reached the terminal")
    require(b"\nabitrace: all is well" not in errors, "a name made a line of its own")
    require(max(map(len, errors.splitlines())) < 5000, "a line without end")


def at_terminal(suite, command):
    """Runs a command that leads the session of a terminal of its own: its end, and what it wrote."""
    leader, follower = pty.openpty()

    def begin():
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [str(part) for part in command], stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=begin, env=dict(os.environ, **{MARK: suite.mark, "LC_ALL": "C"}))
    output, errors = process.communicate()
    os.close(leader)
    os.close(follower)
    return process.returncode, output, errors


def terminal_case(suite):
    """TIOCSTI types into the terminal that the next command reads."""
    place, policy = written(suite, "")
    policy.write_text(policy.read_text() + "  /dev/tty: rw+control\n  /dev/pts: rw+control\n")
    program = "import fcntl, sys\nfcntl.ioctl(0, 0x5412, b'!')\nprint('typed')"
    for prefix in ([], [suite.tracer, "run", "--policy", policy, "--"]):
        code, output, errors = at_terminal(suite, [*prefix, "/usr/bin/python3", "-S", "-c", program])
        if not prefix and b"typed" not in output:
            raise Skip("this kernel refuses TIOCSTI to everybody")
    require(b"typed" not in output, "it typed")
    require(b"fd.control.inject is refused unless named" in errors, f"not told: {short(errors)[-200:]}")


SEIZES = """import fcntl, os, termios
if os.fork(): os.wait(); os._exit(0)
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 1)
"""


def hung_up_case(suite):
    """Root can hang a terminal up: whoever else has it loses it, and whoever leads its session is told to end."""
    if os.geteuid() != 0:
        raise Skip("only root can hang up a terminal")
    place, policy = written(suite, "", "  /dev/tty: rw+control\n  /dev/pts: rw+control\n")
    program = "import fcntl\nfor request in (0x5437, 0x541D, 0x5457):\n try: fcntl.ioctl(0, request, bytes(64) if request == 0x5457 else 0)\n except OSError as error: print(error.errno, flush=True)\n"
    ends = []
    for prefix in ([], [suite.tracer, "run", "--policy", policy, "--"]):
        code, output, errors = at_terminal(suite, [*prefix, "/usr/bin/python3", "-S", "-c", program])
        ends.append((code, output))
    require(ends == [(-signal.SIGHUP, b""), (0, b"1\n1\n1\n")], f"bare, held: {ends} {short(errors)[-300:]}")


FREEZES = """import fcntl, os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
for name, request, argument in (("freeze", 0xC0045877, 0), ("thaw", 0xC0045878, 0), ("flags", 0x80086601, bytes(8))):
    try: fcntl.ioctl(folder, request, argument); print(name)
    except OSError as error: print(error.errno)
"""


def frozen_case(suite):
    """Whoever may send a directory requests must not stop the whole file system that it lies on."""
    place, policy = written(suite, "")
    image, volume = suite.path(".image"), suite.path(".volume")
    image.write_bytes(b"")
    os.truncate(image, 1 << 23)
    volume.mkdir()
    code, _, errors = suite.execute(["mke2fs", "-q", "-t", "ext4", image])
    if code == 0:
        code, _, errors = suite.execute(["mount", "-o", "loop", image, volume])
    if code != 0:
        raise Skip(f"nothing can be mounted here: {short(errors)}")
    try:
        policy.write_text(policy.read_text() + f"  {volume}: rw+control\n")
        command = ["/usr/bin/python3", "-S", "-c", FREEZES, volume]
        bare = suite.execute(command)
        held = suite.execute([suite.tracer, "run", "--policy", policy, "--", *command])
    finally:
        suite.execute(["umount", volume])
    require(bare[:2] == (0, b"freeze\nthaw\nflags\n"), f"bare {bare}")
    require(held[:2] == (0, b"1\n1\nflags\n"), f"held {held}")


def seized_terminal_case(suite):
    """Root can take the terminal of another session: the shell that the program was started from would have none."""
    if os.geteuid() != 0:
        raise Skip("only root can take a terminal away")
    place, policy = written(suite, "", "  /dev/tty: rw+control\n  /dev/pts: rw+control\n")
    for prefix, wanted in (([], b"lost\n"), ([suite.tracer, "run", "--policy", policy, "--"], b"kept\n")):
        leader, follower = pty.openpty()

        def begin():
            os.setsid()
            fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

        program = shlex.join(str(part) for part in [*prefix, "/usr/bin/python3", "-S", "-c", SEIZES])
        shell = subprocess.Popen(
            ["/bin/sh", "-c", f"{program}; (exec 3</dev/tty) 2>/dev/null && echo kept || echo lost"], stdin=follower,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=begin, env=dict(os.environ, **{MARK: suite.mark}))
        output, errors = shell.communicate()
        os.close(leader)
        os.close(follower)
        require(output == wanted, f"{'held' if prefix else 'bare'}: {short(output)} {short(errors)[-300:]}")


def nested_case(suite):
    """A supervisor under a policy cannot hold anybody, says so, and runs nothing."""
    place, policy = written(suite, "")
    Path(policy).write_text(policy.read_text() + f"  {Path(suite.tracer).resolve().parent}: ro+run\n")
    for inner in (["run", "--policy", policy, "--"], ["--"]):
        code, output, errors = suite.execute(
            [suite.tracer, "run", "--policy", policy, "--", suite.tracer, *inner, "echo", "ran"])
        require(code != 0 and b"ran" not in output, f"{ending(code)} {short(output)}")
        require("refused" in errors or "not permitted" in errors, short(errors)[-200:])


# A file for each process to come, all of them links to one that may not be written.
LINKS = """import os, sys
for n in range(1, 300): os.symlink(sys.argv[1], f"{sys.argv[2]}.{os.getpid() + n}")
for _ in range(20):
    if os.fork() == 0: os._exit(0)
    os.wait()
"""


def split_output_case(suite):
    """-ff opens files while the program runs, where the program has put links."""
    tracers = [[suite.tracer]]
    if shutil.which("strace"):
        tracers.insert(0, ["strace"])
    for tracer in tracers:
        place, policy = written(suite, "")
        victim = suite.path(".victim")
        victim.write_text("kept")
        held = ["--policy", policy] if tracer == [suite.tracer] else []
        code, _, errors = suite.execute(
            [*tracer, "-ff", "-o", place / "trace", *held, "/usr/bin/python3", "-S", "-c", LINKS, victim, place / "trace"])
        text = victim.read_text()
        if held:
            require(text == "kept", f"the trace went through a link: {short(text)}")
            require(code != 0 and "output is lost" in errors, f"{ending(code)} {short(errors)[-300:]}")
        else:
            require(text != "kept", "strace is held by this")


# Passes a secret through a file, a pipe, a socket and a queue of another program, each by several calls.
SECRETS = """import os, socket
text = open('secret', 'rb').read().strip()
place = os.open('copy', os.O_RDWR | os.O_CREAT)
os.write(place, text); os.writev(place, [text, text]); os.pwrite(place, text, 0); os.pread(place, 99, 0)
one, other = socket.socketpair()
one.send(text); other.recv(99); one.sendmsg([text]); other.recvmsg(99)
read, write = os.pipe(); os.write(write, text); os.readv(read, [bytearray(99)])
print(len(text))
"""


def secrets_case(suite, options):
    """What passes through a program is recorded where that is asked for, and else only how much it was."""
    if "--interceptor=ebpf" in options and (os.geteuid() != 0 or not Path("/sys/kernel/btf/vmlinux").exists()):
        raise Skip("eBPF programs are for root and a kernel with BTF")
    place, recording = suite.path(".place"), suite.path(".mcap")
    place.mkdir()
    secret = "correct horse battery"
    (place / "secret").write_text(secret + "\n")
    for asked in ([], ["-s", "64"]):
        code, output, errors = suite.execute(
            [suite.tracer, *options, *asked, "-o", recording, "--", "/usr/bin/python3", "-S", "-c", SECRETS], cwd=place)
        require(code == 0 and output == b"21\n", f"{ending(code)} {short(output)} {short(errors)[-300:]}")
        shown = suite.execute([suite.tracer, "show", "-s", "4096", recording])[1].decode()
        lines = [line for line in shown.splitlines() if secret in line or "battery" in line]
        require(bool(lines) == bool(asked) and (not asked or len(lines) > 8), f"{asked}: {len(lines)} lines: {lines[:2]}")
        require(re.search(r'read\(\d+, ".*"(\.\.\.)?, \d+\) += 22\n', shown), "how much was read is not said")


# More refusals, all different, than are said.
MANY = """
for number in range(10050):
    try: open(f"/usr/made{number}", "w")
    except OSError: pass
"""


def silence_case(suite):
    """Where no more refusals are said, that is said, once."""
    code, _, errors = suite.execute([suite.tracer, "run", "--policy", "read-only", "--", "/usr/bin/python3", "-S", "-c", MANY])
    lines = [line for line in errors.splitlines() if "refus" in line]
    last = [line for line in lines if "10000 refusals were said, and no more will be" in line]
    require(code == 0 and len(lines) == 10001 and last == lines[-1:], f"{ending(code)}: {len(lines)} lines, {lines[-2:]}")


def linked_case(suite):
    """Somebody else's link stands where the recording is to be: what it leads to stays."""
    place = suite.path(".place")
    place.mkdir()
    (place / "kept").write_text("kept")
    (place / "run.mcap").symlink_to(place / "kept")
    code, _, errors = suite.execute(["sh", "-c", f"echo lost > {place}/run.mcap"])
    require(code == 0 and (place / "kept").read_text() == "lost\n", f"bare: {short(errors)}")
    (place / "kept").write_text("kept")
    code, _, errors = suite.execute([suite.tracer, "record", "-o", place / "run.mcap", "--", "/usr/bin/true"])
    require(code == 1 and (place / "kept").read_text() == "kept", f"{ending(code)} {short(errors)}")


# What a program may do to a file, as far as it is let change everything around it.
CHANGES = {
    "removed": "rm -f {it}",
    "emptied": "cp /dev/null {it}",
    "written": "sh -c 'echo more >> {it}'",
    "renamed": "mv {it} {place}/away",
    "linked": "ln {it} {place}/other; sh -c 'echo more >> {place}/other'",
    "replaced": "echo new > {place}/new; mv -f {place}/new {it}",
    "moved_along": "mv {place}/deep {place}/away",
}


def kept_case(suite, change):
    """A run's own recording and policy lie where its program may change everything."""
    for kind in ("recording", "policy"):
        place = suite.path(".place")
        shutil.rmtree(place, ignore_errors=True)
        (place / "deep").mkdir(parents=True)
        recording, policy = place / "deep/run.mcap", place / "deep/own.yaml"
        it = recording if kind == "recording" else policy
        script = CHANGES[change].format(it=it, place=place)
        it.write_text("whole")
        suite.execute(["sh", "-c", script])
        require(not it.exists() or it.read_text() != "whole", f"bare, the {kind} is as it was")
        shutil.rmtree(place)
        (place / "deep").mkdir(parents=True)
        text = SYSTEM + f"  {place}: rw+create+delete+attr\n"
        policy.write_text(text)
        _, output, errors = suite.execute(
            [suite.tracer, "run", "--policy", policy, "-o", recording, "--", "sh", "-c", script + "; echo done"])
        require(output.endswith(b"done\n"), f"the {kind}: {short(errors)}")
        require(policy.exists() and policy.read_text() == text, f"the policy is another: {short(errors)}")
        code, shown, said = suite.execute([suite.tracer, "show", recording])
        require(code == 0 and b"+++ exited with 0 +++" in shown, f"the recording is not whole: {short(said)}")
        require(" refused (" in errors, f"nothing is said: {short(errors)}")


def kept_hook_case(suite):
    """A hook that is found in PATH, as programs are, is as little the program's to change; one that is not there is said."""
    place = suite.path(".place")
    place.mkdir()
    hook, policy = place / "answerer", place / "own.yaml"
    text = "#!/bin/sh\nwhile read -r line; do echo allow; done\n"
    change = ["sh", "-c", f"echo more >> {hook}"]
    hook.write_text(text)
    suite.execute(change)
    require(hook.read_text() != text, "bare, the hook is as it was")
    hook.write_text(text)
    hook.chmod(0o755)
    policy.write_text(SYSTEM + f"  {place}: rw+create+delete+attr\n")
    _, _, errors = suite.execute(
        ["env", f"PATH={place}:{os.environ['PATH']}", suite.tracer, "run", "--policy", policy, "--hook", "answerer",
         "--", *change])
    require(hook.read_text() == text and " refused (" in errors, f"the hook is another: {short(errors)}")
    code, _, errors = suite.execute([suite.tracer, "run", "--policy", policy, "--hook", place / "none", "--", "true"])
    require(code == 127 and f"{place}/none: command not found" in errors, f"{ending(code)} {short(errors)}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("evidence") for prefix in suite.wanted):
        return
    for name, *rest in KINDS:
        suite.case(f"evidence/{name.replace(' ', '_')}", kind_case, name, *rest)
    suite.case("evidence/control_characters", control_case)
    suite.case("evidence/terminal", terminal_case)
    suite.case("evidence/seized_terminal", seized_terminal_case)
    suite.case("evidence/hung_up", hung_up_case)
    suite.case("evidence/frozen", frozen_case)
    suite.case("evidence/nested", nested_case)
    suite.case("evidence/linked_recording", linked_case)
    suite.case("evidence/kept/hook", kept_hook_case)
    for change in CHANGES:
        suite.case(f"evidence/kept/{change}", kept_case, change)
    suite.case("evidence/silence", silence_case)
    for name, options in (("record", ["record"]), ("ebpf", ["record", "--interceptor=ebpf"]),
                          ("policy", ["run", "--policy", "offline-test"])):
        suite.case(f"evidence/secrets/{name}", secrets_case, options)
    suite.case("evidence/split_output", split_output_case)
