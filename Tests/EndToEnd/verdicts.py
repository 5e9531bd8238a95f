# Verdicts on programs: what a policy says of a call is done, shown, recorded, and said again over the recording.

import json
import os
import pty
import pwd
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

from harness import HERE, SYSTEM, Skip, ending, need, require, short

ROOT = HERE.parent.parent
BASE = SYSTEM + "  /dev/tty: rw\n  /dev/urandom: ro\n  {place}: rw+create+delete+attr+run\n"
NOBODY = "nobody"


class Ground:
    """A place of its own with a policy, for the one who runs the suite or for an ordinary user."""

    def __init__(self, suite, user, policy=""):
        self.suite, self.user = suite, user
        self.folder = suite.path(".ground")
        self.folder.mkdir(mode=0o755)
        (self.folder / "file").write_text("first\n")
        (self.folder / "other").write_text("second\n")
        suite.folder.chmod(0o755)
        self.policy = self.folder / "policy.yaml"
        self.write(policy)

    def write(self, policy):
        self.policy.write_text(BASE.format(place=self.folder) + policy)
        if self.user:
            entry = pwd.getpwnam(self.user)
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def execute(self, command, **options):
        if self.user:
            options.update(user=self.user, group=pwd.getpwnam(self.user).pw_gid, extra_groups=[])
        return self.suite.execute(command, cwd=self.folder, **options)

    def under(self, command, *flags):
        return self.execute([self.suite.tracer, "run", *flags, "--policy", self.policy, "--", *command])

    def python(self, program, *flags):
        return self.under(["/usr/bin/python3", "-S", "-c", program], *flags)

    def shown(self, recording, *flags):
        code, output, errors = self.execute([self.suite.tracer, "show", *flags, recording])
        require(code == 0, f"show {ending(code)}: {tail(errors)}")
        return output.decode(errors="replace")

    def calls(self, recording):
        return [json.loads(line) for line in self.shown(recording, "--json").splitlines()]


def tail(errors):
    lines = [line for line in errors.splitlines() if "warning" not in line and not line.startswith("   ")]
    return " | ".join(lines)[-250:]


def reader(suite):
    python = suite.folder / "readers" / "bin" / "python"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", suite.folder / "readers"]).returncode == 0
        packages = ["mcap", "mcap-protobuf-support", "jsonschema", "pyyaml"]
        if not made or subprocess.run([python, "-m", "pip", "-q", "install", *packages]).returncode != 0:
            raise Skip("the public readers cannot be installed here")
    return python


def shown_case(suite, user):
    """Tracing under a policy: lines in strace's form, what is refused marked and told between them."""
    ground = Ground(suite, user)
    command = ["sh", "-c", "cat /var/lib/dpkg/status file; echo $?"]
    code, output, errors = ground.execute(
        [suite.tracer, "--policy", ground.policy, "-e", "file.open,file.stat_get", "-o", "trace", "--", *command])
    require((code, output) == (0, b"first\n1\n"), f"{ending(code)} '{short(output)}' {tail(errors)}")
    lines = (ground.folder / "trace").read_text().splitlines()
    refused = [line for line in lines if "/var/lib/dpkg/status" in line]
    require(refused and re.search(r"= -1 EACCES \(Permission denied\) \(DENIED by (default|policy.yaml:\d+)\)$", refused[0]),
            f"the refusal reads: {refused}")
    require(any(re.search(r'openat\(.*"file", O_RDONLY.*\) = \d+$', line) for line in lines), "the open is not there")
    require("/var/lib/dpkg/status) refused" in errors, f"no refusal is told: {tail(errors)}")


def recorded_case(suite, user):
    """A recording under a policy holds the policy, what the kernel gave, and each decision with its facts."""
    ground = Ground(suite, user, "classes: {sys.info: deny EPERM, mem.lock: stub}\n")
    program = ("import os, ctypes\ntry: os.uname()\nexcept OSError as e: print(e.errno)\n"
               "print(ctypes.CDLL(None).mlock(id(1), 8))\n"
               "try: open('/var/lib/dpkg/status')\nexcept OSError as e: print(e.errno)\nprint(open('file').read())")
    code, output, errors = ground.under(["/usr/bin/python3", "-c", program], "-o", "run.mcap")
    require((code, output) == (0, b"1\n0\n13\nfirst\n\n"), f"{ending(code)} '{short(output)}' {tail(errors)}")
    decided = [(call["call"], decision) for call in ground.calls("run.mcap") if call["event"] == "call"
               for decision in call.get("decisions", [])]
    by_verdict = {(call, decision["verdict"]): decision for call, decision in decided}
    line = ground.policy.read_text().splitlines().index("classes: {sys.info: deny EPERM, mem.lock: stub}") + 1
    for call, verdict in (("uname", "deny"), ("mlock", "stub")):
        decision = by_verdict.get((call, verdict))
        require(decision, f"no {verdict} of {call} among {sorted(by_verdict)}")
        require((decision.get("file"), decision.get("line")) == (str(ground.policy), line), f"{decision}")
    secret = [d for _, d in decided if d["verdict"] == "deny" and any(f.get("path") == "/var/lib/dpkg/status" for f in d.get("facts", []))]
    require(secret and secret[0]["facts"][0]["exists"] and secret[0]["facts"][0]["mode"] & 0o170000 == 0o100000,
            f"the refused open: {secret}")
    mine = [d for _, d in decided if d["verdict"] == "allow" and any(f.get("path") == str(ground.folder / "file") for f in d.get("facts", []))]
    require(mine and mine[0]["program"].startswith("/usr/bin/python3"), "the allowed open has no facts")
    environment = reader(suite)
    code, text, errors = suite.execute([environment, HERE.parent / "Readers" / "read_recording.py", ground.folder / "run.mcap"])
    require(code == 0, f"the public reader: {tail(errors)}")
    parts = {each["attachment"]["name"]: each["attachment"]["data"] for each in map(json.loads, text.splitlines())
             if "attachment" in each}
    require(parts.get(f"policy/file/{ground.policy}") == ground.policy.read_text(), f"the policy is not there: {list(parts)}")
    require("feature=seccomp notification\tyes" in parts.get("policy/effective", ""), "what the kernel gives is not there")


LIVE = [
    ("opens", ["sh", "-c", "cat file /etc/shadow /root/x; echo x > made; rm made; mkdir d; ls -l /; cat other"], ""),
    ("network", ["/usr/bin/python3", "-c",
                 "import socket\nfor a in ('127.0.0.1', 9), ('192.0.2.1', 80):\n s = socket.socket(); s.settimeout(1)\n"
                 " try: s.connect(a)\n except OSError as e: print(e.errno)\n s.sendto"],
     "network: {connect: [\"tcp 127.0.0.1:9\"]}\n"),
    ("threads", ["/usr/bin/python3", "-c",
                 "import threading\ndef work():\n for i in range(20):\n  try: open('file').read()\n  except OSError: pass\n"
                 "t = [threading.Thread(target=work) for _ in range(4)]\n[x.start() for x in t]\n[x.join() for x in t]"],
     "rules:\n  - on: file.open\n    where: {path: ./file}\n    deny: EIO\n    when: {from: 3, every: 4}\n"),
    ("exec", ["sh", "-c", "uname; /usr/bin/env uname -a; date +%s >/dev/null; kill -0 1"],
     "classes: {sys.info: deny EPERM}\n"),
    ("rewritten", ["sh", "-c", "cat file; cat other"],
     "rules:\n  - on: file.open\n    where: {path: ./file}\n    rewrite: {path: ./other}\n"),
    ("killed", ["sh", "-c", "cat other; sleep 9 & cat file; echo lives"],
     "rules:\n  - on: file.open\n    where: {path: ./file}\n    kill: true\n"),
]


def live_case(suite, user, command, policy):
    """A recording under its own policy gives the live verdicts, byte for byte; under another policy it does not."""
    ground = Ground(suite, user, policy)
    code, output, errors = ground.under(command, "-o", "run.mcap")
    require((ground.folder / "run.mcap").exists(), f"{ending(code)} {tail(errors)}")
    bare, bare_output, bare_errors = ground.under(command)
    require((code, output) == (bare, bare_output), f"recorded {ending(code)} '{short(output)}', not recorded {ending(bare)} '{short(bare_output)}' {tail(errors)}")
    replay = [suite.tracer, "replay", "--expect", "live", "run.mcap"]
    code, output, errors = ground.execute(replay)
    require(code == 0 and b"all as live" in output, f"{ending(code)} '{short(output)}' {tail(errors)}")
    require(int(re.search(rb"(\d+) decisions", output)[1]) > 3, f"hardly anything was decided: {short(output)}")
    code, output, errors = ground.execute([*replay, "--policy", ground.policy])
    require(code == 0, f"under the same file: {ending(code)} '{short(output)}' {tail(errors)}")
    ground.write(policy.replace("EIO", "EAGAIN").replace("EPERM", "ENXIO").replace("./other", "/etc/hosts")
                 .replace("kill: true", "deny: EIO").replace(":9", ":10") or "classes: {file.stat_get: deny EPERM}\n")
    code, output, errors = ground.execute([*replay, "--policy", ground.policy])
    require(code == 1 and b"not as live" in output, f"another policy: {ending(code)} '{short(output)}' {tail(errors)}")
    code, output, errors = ground.execute([*replay])
    require(code == 0, f"the recorded policy is no longer what counts: {short(output)}")


TAMPER = """import sys
from mcap.reader import NonSeekingReader
from mcap.writer import Writer
from mcap_protobuf.decoder import DecoderFactory
source, target = sys.argv[1:]
with open(source, "rb") as file, open(target, "wb") as out:
    reader = NonSeekingReader(file, decoder_factories=[DecoderFactory()])
    writer = Writer(out)
    writer.start(profile="abitrace", library="tampered")
    with open(source, "rb") as again:
        from mcap.reader import make_reader
        for part in make_reader(again).iter_attachments():
            writer.add_attachment(part.create_time, part.log_time, part.name, part.media_type, part.data)
    schemas, channels, done = {}, {}, False
    for schema, channel, message, record in reader.iter_decoded_messages(log_time_order=False):
        if schema.id not in schemas: schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, schema.data)
        if channel.id not in channels: channels[channel.id] = writer.register_channel(channel.topic, channel.message_encoding, schemas[schema.id])
        for decision in record.decisions:
            if decision.verdict == "deny" and not done:
                decision.verdict, decision.errno, done = "allow", 0, True
        writer.add_message(channels[channel.id], message.log_time, record.SerializeToString(), message.publish_time, message.sequence)
    writer.finish()
    assert done, "nothing to tamper with"
"""


def tamper_case(suite):
    """One verdict of a recording is changed: the replay finds it."""
    ground = Ground(suite, None)
    ground.under(["cat", "/var/lib/dpkg/status", "file"], "-o", "run.mcap")
    environment = reader(suite)
    code, _, errors = suite.execute([environment, "-c", TAMPER, ground.folder / "run.mcap", ground.folder / "other.mcap"])
    require(code == 0, f"cannot be tampered with: {tail(errors)}")
    code, output, errors = ground.execute([suite.tracer, "replay", "--expect", "live", "run.mcap", "other.mcap"])
    require(code == 1, f"{ending(code)} '{short(output)}' {tail(errors)}")
    require(b"run.mcap: " in output and b"all as live" in output, f"the untouched one: {short(output)}")
    require(b"1 not as live" in output and b"live allow" in output, f"the other: {short(output)}")


def without_policy_case(suite):
    ground = Ground(suite, None)
    ground.execute([suite.tracer, "record", "-o", "plain.mcap", "--", "true"])
    code, _, errors = ground.execute([suite.tracer, "replay", "--expect", "live", "plain.mcap"])
    require(code == 1 and "not recorded under a policy" in errors, f"{ending(code)} {tail(errors)}")


def together_case(suite, flags, message):
    ground = Ground(suite, None)
    code, _, errors = ground.execute([suite.tracer, "--policy", ground.policy, *flags])
    require(code == 2 and message in errors, f"{ending(code)} {tail(errors)}")


def said(suite, user, policy, command, expected, verdict=None, flags=(), network=False):
    """Runs under a policy with a recording: the output, and the verdict that the recording tells."""
    ground = Ground(suite, user, policy)
    if callable(command):
        command = command(ground)
    code, output, errors = ground.under(command, *flags, "-o", "run.mcap")
    text = output.decode(errors="replace")
    require(code == 0 and text == expected, f"{ending(code)} '{short(output, 9)}' instead of '{short(expected, 9)}' {tail(errors)}")
    if verdict:
        decided = [d["verdict"] for call in ground.calls("run.mcap") for d in call.get("decisions", [])]
        require(verdict in decided, f"no {verdict} in the recording: {sorted(set(decided))}")
        code, output, errors = ground.execute([suite.tracer, "replay", "--expect", "live", "run.mcap"])
        require(code == 0, f"replayed: {ending(code)} '{short(output)}' {tail(errors)}")
    return ground


def python(program):
    return ["/usr/bin/python3", "-S", "-c", program]


SOCKETS = "network: {connect: [\"tcp 127.0.0.1\", \"unix *\"], listen: [\"tcp 127.0.0.1\", \"unix *\"]}\n"
# What, the policy, the program, what it prints, the verdict.
SAID = [
    ("reply/uname", "rules:\n  - on: sys.info\n    reply: {node: sandbox}\n",
     python("import os; u = os.uname(); print(u.nodename, u.sysname)"), "sandbox Linux\n", "reply"),
    ("reply/uname/static_name", "rules:\n  - on: sys.info\n    reply: {nodename: box, release: 9.9.9}\n",
     ["uname", "-nrs"], "Linux box 9.9.9\n", "reply"),
    ("reply/sysinfo", "rules:\n  - on: sys.info\n    where: {what: sysinfo}\n    reply: {uptime: 77, procs: 3}\n",
     python("import ctypes, struct\nb = ctypes.create_string_buffer(112)\nr = ctypes.CDLL(None).sysinfo(b)\n"
            "print(r, struct.unpack_from('q', b)[0], struct.unpack_from('H', b, 80)[0], struct.unpack_from('Q', b, 32)[0] > 1 << 20)"),
     "0 77 3 True\n", "reply"),
    ("reply/time", "vdso: hide\nrules:\n  - on: time.get\n    reply: {tv_sec: 86400}\n",
     python("import time; print(int(time.time()))"), "86400\n", "reply"),
    ("reply/name", SOCKETS + "classes:\n  sock.name_get: {reply: {address: \"203.0.113.7:4711\"}}\n",
     python("import socket\ns = socket.socket()\nprint(s.getsockname(), s.getpeername())\n"
            "t = socket.socket(socket.AF_INET6) if False else s\n"),
     "('203.0.113.7', 4711) ('203.0.113.7', 4711)\n", "reply"),
    ("reply/data", "rules:\n  - on: fd.read\n    where: {object: {path: ./file}}\n    reply: {data: invented}\n",
     python("import os; print(os.read(os.open('file', 0), 100), os.read(os.open('other', 0), 100))"),
     "b'invented' b'second\\n'\n", "reply"),
    ("reply/result", "rules:\n  - on: cred.get\n    where: {want: uids}\n    reply: {uid: 4242}\n",
     python("import os; print(os.getuid())"), "4242\n", "reply"),
    ("stub/unlink", "rules:\n  - on: file.unlink\n    stub: true\n",
     python("import os; os.unlink('file'); print(os.path.exists('file'))"), "True\n", "stub"),
    ("stub/lock", "classes: {mem.lock: stub}\n",
     python("import ctypes; print(ctypes.CDLL(None).mlockall(3))"), "0\n", "stub"),
    ("rewrite/path", "rules:\n  - on: file.open\n    where: {path: ./file}\n    rewrite: {path: ./other}\n",
     ["cat", "file"], "second\n", "rewrite"),
    ("rewrite/flags", "rules:\n  - on: file.open\n    where: {path: ./file}\n    rewrite: {flags: O_RDONLY}\n",
     python("import os\nf = os.open('file', os.O_RDWR)\nprint(os.read(f, 9))\n"
            "try: os.write(f, b'x')\nexcept OSError as e: print(e.errno)"), "b'first\\n'\n9\n", "rewrite"),
    ("rewrite/mode", "rules:\n  - on: file.stat_put\n    rewrite: {mode: 0600}\n",
     python("import os; os.chmod('file', 0o777); print(oct(os.stat('file').st_mode))"), "0o100600\n", "rewrite"),
    ("rewrite/size", "rules:\n  - on: fd.write\n    where: {object: {path: ./file}}\n    rewrite: {count: 3}\n",
     python("import os\nf = os.open('file', os.O_WRONLY)\nprint(os.write(f, b'abcdef'))\nprint(open('file').read())"),
     "3\nabcst\n\n", "rewrite"),
    ("rewrite/length", "rules:\n  - on: file.stat_put\n    where: {object: {path: ./file}}\n    rewrite: {size: 2}\n",
     python("import os\nf = os.open('file', os.O_RDWR)\nos.ftruncate(f, 100)\nprint(os.fstat(f).st_size)"),
     "2\n", "rewrite"),
    ("rewrite/place", "rules:\n  - on: fd.seek\n    where: {object: {path: ./file}}\n    rewrite: {delta: 2}\n",
     python("import os\nf = os.open('file', 0)\nprint(os.lseek(f, 4, 0), os.read(f, 9))"), "2 b'rst\\n'\n", "rewrite"),
    ("rewrite/result", "rules:\n  - on: fd.seek\n    where: {object: {path: ./file}}\n    rewrite: {pos: 4242}\n",
     python("import os\nf = os.open('file', 0)\nprint(os.lseek(f, 2, 0), os.read(f, 9))"), "4242 b'rst\\n'\n", "rewrite"),
    ("deny/object", "rules:\n  - on: fd.write\n    where: {object: {path: ./file}}\n    deny: ENOSPC\n    when: {from: 3}\n",
     python("import os\nf = os.open('file', os.O_WRONLY); g = os.open('other', os.O_WRONLY)\nfor i in range(4):\n"
            " os.write(g, b'x')\n try: print(os.write(f, b'x'))\n except OSError as e: print(e.errno)"),
     "1\n1\n28\n28\n", "deny"),
    ("deny/count", "rules:\n  - on: fd.read\n    where: {object: {path: ./file}}\n    deny: EINTR\n    when: {from: 2, every: 2, count: 1}\n",
     python("import ctypes, os\nf = os.open('file', 0)\nb = ctypes.create_string_buffer(1)\n"
            "print([ctypes.CDLL(None).read(f, b, 1) for i in range(5)])"),
     "[1, -1, 1, 1, 1]\n", "deny"),
    ("warn", "classes: {sys.info: warn}\n", ["uname"], "Linux\n", "warn"),
    ("ask/nobody", "rules:\n  - on: file.open\n    where: {path: ./file}\n    ask: true\n",
     python("try: open('file')\nexcept OSError as e: print(e.errno)"), "13\n", "ask"),
]

CONNECTED = """import socket, sys
s = socket.socket(); s.settimeout(5)
s.connect(('127.0.0.1', 1))
print(s.recv(9).decode())
"""
SERVER = """import os, socket, sys, threading
kind, place = sys.argv[1:3]
if kind == 'unix':
    s = socket.socket(socket.AF_UNIX); s.bind(place)
else:
    s = socket.socket(); s.bind(('127.0.0.1', 0))
    open(place, 'w').write(str(s.getsockname()[1]))
s.listen(); os.chmod(place, 0o777)
print('ready', flush=True)
c = s.accept()[0]; c.sendall(kind.encode()); c.close()
"""


def connected_case(suite, user, kind):
    """A connection goes elsewhere: to another address, or to a socket of another family under the same number."""
    ground = Ground(suite, user)
    place = ground.folder / "place"
    server = subprocess.Popen(["/usr/bin/python3", "-c", SERVER, kind, place], stdout=subprocess.PIPE)
    try:
        require(server.stdout.readline() == b"ready\n", "the server does not start")
        target = f"unix {place}" if kind == "unix" else f"tcp 127.0.0.1:{place.read_text()}"
        ground.write("network: {connect: [\"tcp 127.0.0.1\", \"unix *\"]}\nrules:\n  - on: sock.connect\n    where: {port: 1}\n"
                     f"    rewrite: {{address: \"{target}\"}}\n")
        code, output, errors = ground.under(python(CONNECTED), "-o", "run.mcap")
        require((code, output) == (0, f"{kind}\n".encode()), f"{ending(code)} '{short(output)}' {tail(errors)}")
        line = [line for line in ground.shown("run.mcap").splitlines() if "connect(" in line][-1]
        require("htons(1)" in line and "REWRITTEN by policy.yaml" in line and target in line, f"both forms: {line}")
    finally:
        server.kill()


HOOK = """#!/usr/bin/python3
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    path = message["decisions"][0]["facts"][0]["path"]
    print(message["call"], path, file=open(sys.argv[0] + ".log", "a"))
    print({"file": "allow", "other": "deny EIO", "third": "rewrite path=" + path.replace("third", "plain"),
           "fourth": "nonsense"}[path.rsplit("/", 1)[1]], flush=True)
"""


def hook_case(suite, user):
    """A hook receives the message, and its answer takes effect."""
    ground = Ground(suite, user)
    for name in ("third", "fourth", "plain"):
        (ground.folder / name).write_text(name + "\n")
    hook = ground.folder / "hook"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    ground.write("rules:\n  - on: file.open\n    where: {path: [./file]}\n    ask: true\n".replace("[./file]", "./file") + "".join(
        f"  - on: file.open\n    where: {{path: ./{name}}}\n    ask: true\n" for name in ("other", "third", "fourth")))
    program = ("for n in ('file', 'other', 'third', 'fourth'):\n try: print(open(n).read().strip())\n"
               " except OSError as e: print(e.errno)")
    code, output, errors = ground.python(program, "--hook", hook, "-o", "run.mcap")
    require((code, output) == (0, b"first\n5\nplain\n13\n"), f"{ending(code)} '{short(output)}' {tail(errors)}")
    asked = Path(f"{hook}.log").read_text().splitlines()
    require(len(asked) == 4 and all(line.startswith("openat ") for line in asked), f"it was asked: {asked}")
    effects = [d["effect"] for call in ground.calls("run.mcap") for d in call.get("decisions", []) if d["verdict"] == "ask"]
    require(effects == ["agreed", "declined", "agreed", "declined"], f"the recording says {effects}")
    code, output, errors = ground.execute([suite.tracer, "replay", "--expect", "live", "run.mcap"])
    require(code == 0, f"replayed: '{short(output)}' {tail(errors)}")


def terminal_case(suite, user, answers, expected):
    """A person is asked on the terminal."""
    ground = Ground(suite, user, "rules:\n  - on: file.open\n    where: {path: ./file}\n    ask: true\n")
    program = "for i in range(2):\n try: print(open('file').read().strip())\n except OSError as e: print('E', e.errno)"
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ground.folder)
        if user:
            entry = pwd.getpwnam(user)
            os.setgroups([]); os.setgid(entry.pw_gid); os.setuid(entry.pw_uid)
        os.execv(suite.tracer, [str(suite.tracer), "run", "--policy", str(ground.policy), "--", *python(program)])
    seen, waiting = b"", list(answers)
    while True:
        try:
            if not select.select([terminal], [], [], 40)[0]:
                break
            more = os.read(terminal, 4096)
        except OSError:
            break
        if not more:
            break
        seen += more
        if waiting and seen.count(b"allow it?") > len(answers) - len(waiting):
            os.write(terminal, waiting.pop(0) + b"\n")
    os.waitpid(child, 0)
    os.close(terminal)
    lines = [line for line in seen.decode(errors="replace").splitlines() if line in ("first", "E 13")]
    require(lines == expected, f"{lines} instead of {expected}: {short(seen, 30)}")
    require(not waiting, f"it did not ask: {short(seen, 30)}")


def impossible_case(suite, policy, message):
    """What cannot be done as the policy says is said before the program starts; --strict refuses it."""
    ground = Ground(suite, None, policy)
    code, _, errors = ground.under(["true"])
    require("not enforced: " in errors and message in errors, f"{ending(code)}: {errors[-300:]}")
    code, _, errors = ground.under(["true"], "--strict")
    require(code == 1 and "--strict" in errors, f"{ending(code)}: {errors[-300:]}")


IMPOSSIBLE = [
    ("exec", "rules:\n  - on: proc.exec\n    rewrite: {path: /usr/bin/true}\n", "rewriting `path` of proc.exec"),
    ("map", "rules:\n  - on: mem.map\n    rewrite: {prot: PROT_READ}\n", "rewriting `prot` of mem.map"),
    ("name", "rules:\n  - on: file.open\n    rewrite: {flags: O_NONSENSE}\n", "`O_NONSENSE` is no value of it"),
    ("field", "rules:\n  - on: sys.info\n    reply: {hostname: x}\n", "does not answer with `hostname`"),
]


# What is injected, and the program. strace's own lines are the expectation.
INJECTED = [
    ("error", "openat:error=EACCES:when=3", ["cat", "/etc/hostname"]),
    ("step", "openat:error=ENOENT:when=2+2", ["cat", "/etc/hostname", "/etc/passwd", "/etc/group"]),
    ("range", "read:error=EIO:when=3..4", ["cat", "/etc/hostname", "/etc/passwd", "/etc/group"]),
    ("value", "getppid:retval=4242", "getppid_loop"),
    ("signal", "getppid:signal=SIGUSR1:when=2", "getppid_loop"),
    ("delay_enter", "getppid:delay_enter=20ms:when=2..4", "getppid_loop"),
    ("delay_exit", "openat:delay_exit=3000:error=ENOENT:when=3", ["cat", "/etc/hostname"]),
    ("delay_both", "getppid:delay_enter=1ms:delay_exit=0.5ms:retval=7:when=3", "getppid_loop"),
    ("syscall", "getppid:syscall=getpid:retval=4242", "getppid_loop"),
    ("syscall_alone", "getppid:syscall=getpid:delay_enter=1ms:when=2", "getppid_loop"),
]


def calls_of(text):
    """Calls with their results, without what differs from run to run."""
    lines = [re.sub(r"^\d+ +", "", line) for line in text.splitlines()]
    return [re.sub(r"0x[0-9a-f]+|si_pid=\d+|(?<=getppid\(\))( += )\d{2,}(?= \(DELAYED|$)", "N", line) for line in lines]


def injected_case(suite, expression, command):
    need("strace")
    command = suite.program(command) if isinstance(command, str) else command
    name = expression.split(":")[0]
    texts = []
    for tracer in ("strace", suite.tracer):
        out = suite.path(".trace")
        code, output, _ = suite.execute([tracer, "-f", "-e", f"trace={name}", "-e", f"inject={expression}", "-o", out, "--", *command])
        texts.append((code, output, calls_of(out.read_text(errors="replace"))))
    done = "".join(texts[0][2])
    require("(INJECTED)" in done or "(DELAYED)" in done or "signal" in expression, "strace injected nothing")
    require(texts[0] == texts[1], f"strace {texts[0][0]} {short(chr(10).join(texts[0][2]), 20)} | abitrace {texts[1][0]} {short(chr(10).join(texts[1][2]), 20)}")


def fault_case(suite):
    """A fault is ENOSYS, and what no strace understands is refused."""
    code, _, errors, text = suite.traced(["cat", "/etc/hostname"], "-e", "fault=openat:when=1+")
    require("-1 ENOSYS (Function not implemented) (INJECTED)" in text, short(text))
    for wrong in ("openat:error=ENONSENSE", "openat:when=0", "openat:retval=1:error=EIO", "openat:delay_enter=5x",
                  "openat:syscall=openat:retval=0", "openat:syscall=getpid", "nosuch:error=EIO", "openat"):
        code, _, errors = suite.execute([suite.tracer, "-e", f"inject={wrong}", "true"])
        require(code == 2, f"{wrong}: {ending(code)} {tail(errors)}")


def delayed_case(suite):
    """A thread stands still before and after the call, and the others run on meanwhile."""
    program = suite.path(".py")
    program.write_text(
        "import os, threading, time\n"
        "def late(): os.getppid()\n"
        "thread = threading.Thread(target=late)\n"
        "begin = time.monotonic(); thread.start(); rounds = 0\n"
        "while thread.is_alive(): os.getpid(); rounds += 1\n"
        "print(time.monotonic() - begin, rounds)\n")
    _, output, _, text = suite.traced(
        ["/usr/bin/python3", program], "-e", "trace=getppid,getpid", "-e", "inject=getppid:delay_enter=200ms:delay_exit=0.2s")
    seconds, rounds = output.split()
    require(float(seconds) >= 0.4, f"it stood still for {float(seconds)} s")
    require(int(rounds) > 10, f"the other thread made {int(rounds)} calls meanwhile")
    require("(DELAYED)" in text, short(text))


def killed_while_delayed_case(suite):
    """A thread that is killed while it stands still ends like any other."""
    code, _, errors, text = suite.traced(
        ["timeout", "-s", "KILL", "0.3", "/usr/bin/python3", "-c", "import os; os.getppid()"],
        "-e", "trace=getppid", "-e", "inject=getppid:delay_enter=60s")
    require(code == 128 + 9 or code == -9, f"{ending(code)} {short(errors)}")
    require("+++ killed by SIGKILL +++" in text, short(text))


def users():
    list = [("root" if os.geteuid() == 0 else "user", None)]
    if os.geteuid() == 0:
        list.append(("user", NOBODY))
    return list


def run(suite):
    if suite.wanted and not any(prefix.startswith("verdict") for prefix in suite.wanted):
        return
    need("python3")
    for name, user in users():
        suite.case(f"verdict/shown/{name}", shown_case, user)
        suite.case(f"verdict/recorded/{name}", recorded_case, user)
        for what, command, policy in LIVE:
            suite.case(f"verdict/live/{what}/{name}", live_case, user, command, policy)
        for what, policy, command, expected, verdict in SAID:
            suite.case(f"verdict/{what}/{name}", said, user, policy, command, expected, verdict)
        for kind in ("inet", "unix"):
            suite.case(f"verdict/rewrite/address/{kind}/{name}", connected_case, user, kind)
        suite.case(f"verdict/ask/hook/{name}", hook_case, user)
        for answers, expected in (([b"y", b"n"], ["first", "E 13"]), ([b"a"], ["first", "first"]),
                                  ([b"v"], ["E 13", "E 13"])):
            suite.case(f"verdict/ask/{answers[0].decode()}/{name}", terminal_case, user, answers, expected)
    for what, expression, command in INJECTED:
        suite.case(f"verdict/injected/{what}", injected_case, expression, command)
    suite.case("verdict/injected/fault", fault_case)
    suite.case("verdict/injected/delayed", delayed_case)
    suite.case("verdict/injected/killed_while_delayed", killed_while_delayed_case)
    for what, policy, message in IMPOSSIBLE:
        suite.case(f"verdict/impossible/{what}", impossible_case, policy, message)
    suite.case("verdict/live/tampered", tamper_case)
    suite.case("verdict/live/without_policy", without_policy_case)
    suite.case("verdict/together/attach", together_case, ["-p", "1"], "cannot be held")
    suite.case("verdict/together/daemon", together_case, ["-D", "true"], "cannot go together")
