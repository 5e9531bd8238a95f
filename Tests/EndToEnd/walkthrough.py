# The walk from three recordings to a policy that holds, for five kinds of programs: learn, check, explain, replay, run,
# shrink, run again; and what a changed program is told.

import os
import pwd
import re
import shutil
import socket
import time
from pathlib import Path

from harness import HERE, Failure, ending, need, require, short
from real_programs import write_project, write_repository

DATABASE = """
import os, sqlite3, subprocess
database = sqlite3.connect('data.db')
database.execute('create table t(a)')
database.executemany('insert into t values (?)', [(n,) for n in range(100)])
database.commit()
print(database.execute('select sum(a) from t').fetchone(), subprocess.run(['wc', '-l', '/etc/passwd']).returncode)
os.remove('data.db')
"""

SCRIPT = """
mkdir -p out; for name in one two three four five; do echo $name > out/$name; done
cat out/* | sort | uniq -c > out/sum; sed -i s/two/2/ out/two; find out -type f | wc -l; tar cf out.tar out
grep -c . /proc/self/status > /dev/null; date > /dev/null; rm -r out out.tar
"""

# A server with a thread for each client, of which the last says that it is enough.
SERVER = """
import socketserver, sys, threading
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line == b'end\\n': threading.Thread(target=server.shutdown).start(); return
            open('log', 'ab').write(line); self.wfile.write(line.upper())
class Server(socketserver.ThreadingTCPServer): allow_reuse_address = True
server = Server(('127.0.0.1', int(sys.argv[1])), Handler)
server.serve_forever()
"""

# What every changed program does besides: one new file, one new connection.
CHANGE = """
import socket
try: open('/var/tmp/abitrace-walk-new', 'w').close()
except OSError: pass
try: socket.create_connection(('127.0.0.1', 9))
except OSError: pass
"""


# As a person's shell starts it: PWD says where it is, PATH where the system's programs are.
PLAIN = ["env", "-u", "PWD", "PATH=/usr/bin:/bin"]


class Walk:
    """One program in a directory of its own, with its recordings and its policies."""

    def __init__(self, suite, command, prepare=None, drive=None):
        self.suite, self.command, self.prepare, self.drive = suite, command, prepare, drive
        self.folder = suite.path(".walk")
        self.results = suite.path(".results")
        self.results.mkdir()

    def tell(self, *arguments, expect=0):
        code, output, errors = self.suite.execute([self.suite.tracer, *arguments], cwd=self.folder)
        require(code == expect, f"{' '.join(map(str, arguments[:3]))}: {ending(code)}: {output.decode()[-800:]} {errors[-800:]}")
        return output.decode() + errors

    def run(self, *options, command=None):
        """The program under abitrace, from a fresh directory."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        if self.prepare:
            self.prepare(self.folder)
        process = self.suite.start(
            [*PLAIN, self.suite.tracer, *options, "--", *(command or self.command)], cwd=self.folder)
        if self.drive:
            self.drive()
        output, errors = process.communicate()
        return process.returncode, output.decode(), errors.decode(errors="replace")

    def record(self, name, command=None):
        recording = self.results / f"{name}.mcap"
        code, _, errors = self.run("record", "-o", recording, command=command)
        require(code == 0, f"record: {ending(code)} {short(errors)}")
        return recording

    def hold(self, policy):
        code, _, errors = self.run("run", "--policy", policy)
        require(code == 0, f"run under {policy.name}: {ending(code)} {errors[-800:]}")
        require("refused" not in errors and "warning" not in errors, f"run under {policy.name} says {errors[-800:]}")


def walk_case(suite, command, prepare=None, drive=None):
    walk = Walk(suite, command, prepare, drive)
    for number in (1, 2, 3):
        walk.record(number)
    policy, smaller = walk.results / "learned.yaml", walk.results / "smaller.yaml"
    told = walk.tell("policy", "learn", "-o", policy, walk.results)
    require("warning" not in told, f"learn: {told}")
    text = policy.read_text()
    require("seen in 3 of 3" in text and "Learned from 3 recordings of" in text, text)
    require(not re.search(r"^  (/|\"?~\"?|/etc|/proc|/proc/\d+.*): ", text, re.M), f"too wide: {text}")
    told = walk.tell("policy", "check", policy)
    require("warning" not in told and "proved by" in told, f"check: {told}")
    told = walk.tell("policy", "explain", policy)
    require("exposure" in told and "nothing is at" not in told, f"explain: {told}")
    told = walk.tell("replay", "--policy", policy, walk.results)
    require(told.count(" 0 refused") == 3, f"replay: {told}")
    walk.hold(policy)
    walk.tell("policy", "shrink", "-o", smaller, policy, walk.results)
    told = walk.tell("replay", "--policy", smaller, walk.results)
    require(told.count(" 0 refused") == 3, f"replay of the smaller: {told}")
    walk.hold(smaller)
    change_case(walk, smaller, changed(command))


def change_case(walk, policy, command):
    """One new file and one new connection are refused, live and replayed, and the line for each is said."""
    new_file = "/var/tmp/abitrace-walk-new"
    if os.path.exists(new_file):
        os.remove(new_file)
    code, _, errors = walk.run("run", "--policy", policy, command=command)
    require(f"file.open({new_file}) refused (Permission denied)" in errors, f"the new file, live: {errors[-800:]}")
    require(f"to allow it: files: {{{new_file}: rw+create}}" in errors, f"no line for the file: {errors[-800:]}")
    require(re.search(r"sock\.create\(.*\) refused \(Permission denied\)", errors)
            or "sock.connect(tcp 127.0.0.1:9) refused" in errors, f"the new connection, live: {errors[-800:]}")
    require("to allow it: network: {connect: [" in errors, f"no line for the connection: {errors[-800:]}")
    require(not os.path.exists(new_file), "the file was made all the same")
    recording = walk.record("changed", command=command)
    os.remove(new_file)
    told = walk.tell("replay", "--policy", policy, recording, expect=1)
    require(f"file.open {new_file}: deny EACCES" in told, f"the new file, replayed: {told[-800:]}")
    require('allowed by network: {connect: ["tcp 127.0.0.1:9"]}' in told, f"the new connection, replayed: {told[-800:]}")
    # The lines that fix names make the changed program run.
    walk.tell("policy", "fix", "--all", policy, recording)
    text = policy.read_text()
    require(new_file in text and "tcp 127.0.0.1:9" in text, f"fix wrote no lines: {text}")
    walk.tell("replay", "--policy", policy, walk.results)
    code, _, errors = walk.run("run", "--policy", policy, command=command)
    require(code == 0 and "refused" not in errors, f"after fix: {ending(code)} {errors[-800:]}")
    if os.path.exists(new_file):
        os.remove(new_file)


def changed(command):
    """The program, and then the change."""
    return ["sh", "-c", 'change=$1; shift; "$@"; code=$?; /usr/bin/python3 -I -S -c "$change"; exit $code', "sh", CHANGE, *command]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port):
    """A connection to a server that is about to listen."""
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            time.sleep(0.05)
    raise Failure(f"nobody listens on port {port}")


def load_server(port):
    """Eight clients at once, some lines each; then the end."""
    clients = [connect(port) for _ in range(8)]
    for number in range(25):
        for client in clients:
            client.sendall(b"line\n")
        for client in clients:
            require(client.recv(100) == b"LINE\n", "another answer")
    for client in clients:
        client.close()
    with connect(port) as last:
        last.sendall(b"end\n")


def load_redis(port):
    clients = [connect(port) for _ in range(8)]
    for number in range(25):
        for client in clients:
            client.sendall(b"INCR count\r\n")
        for client in clients:
            require(client.recv(100).startswith(b":"), "another answer")
    clients[0].sendall(b"SHUTDOWN NOSAVE\r\n")
    for client in clients:
        client.close()


def server_case(suite, program):
    port = free_port()
    if program == "redis-server":
        need(program)
        command = [program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "."]
        drive = lambda: load_redis(port)
    else:
        command = ["/usr/bin/python3", "-I", "-S", "-c", SERVER, port]
        drive = lambda: load_server(port)
    walk_case(suite, [str(word) for word in command], drive=drive)


def make_case(suite):
    need("make")
    walk_case(suite, ["make", "-B"], write_project)


def git_case(suite):
    need("git")
    walk_case(suite, ["git", "clone", "-q", "--no-local", "origin", "copy"], lambda folder: write_repository(suite, folder))


def followed(suite, file, heading, user=None):
    """Follows the first commands under a heading word for word, in a project of its own; answers what was printed."""
    need("make")
    text = (HERE.parent.parent / file).read_text()
    block = re.search(rf"{heading}\n.*?```sh\n(.*?)```", text, re.S)
    require(block and "policy learn" in block[1], f"{file} has no walk")
    folder, tools = suite.path(".readme"), suite.path(".tools")
    folder.mkdir()
    tools.mkdir()
    (tools / "abitrace").symlink_to(Path(suite.tracer).resolve())
    write_project(folder)
    options, home = {}, os.environ.get("HOME", "/")
    if user:
        entry = pwd.getpwnam(user)
        home = folder / "home"
        home.mkdir()
        for path in (suite.folder, tools):
            path.chmod(0o755)
        # Somebody else's home in front of the system's programs, as su leaves it: the kernel refuses to look there.
        closed = suite.path(".closed")
        (closed / "bin").mkdir(parents=True)
        closed.chmod(0o700)
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, entry.pw_uid, entry.pw_gid)
        options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    search = f"{tools}:{f'{closed}/bin:' if user else ''}/usr/bin:/bin"
    code, output, errors = suite.execute(
        ["env", "-u", "PWD", f"HOME={home}", f"PATH={search}", "bash", "-e", "-c", block[1]], cwd=folder, **options)
    require(code == 0, f"{ending(code)} {output.decode()[-600:]} {errors[-600:]}")
    require("refused" not in errors and "warning" not in errors, errors[-600:])
    return output.decode()


def readme_case(suite, user):
    told = followed(suite, "README.md", "## From a recording to a policy", user)
    require(told.count(" 0 refused") == 3, told[-600:])


def howto_case(suite, user):
    told = followed(suite, "Docs/HOWTO-test-a-policy.md", "# Test a policy", user)
    require("4 expectations, all met" in told, told[-600:])


def directories_case(suite):
    """Runs in directories of their own are learned as one, and a recording of another program is said to be one."""
    folders, recordings = [], []
    for number in (1, 2):
        folder, recording = suite.path(".own"), suite.path(f".{number}.mcap")
        folder.mkdir()
        code, _, errors = suite.execute(
            [*PLAIN, suite.tracer, "record", "-o", recording, "--", "touch", "made"], cwd=folder)
        require(code == 0, short(errors))
        folders.append(folder)
        recordings.append(recording)
    policy = suite.path(".yaml")
    code, _, errors = suite.execute([suite.tracer, "policy", "learn", "-o", policy, *recordings], cwd=folders[0])
    require(code == 0 and "different directories" in errors, f"{ending(code)} {errors}")
    text = policy.read_text()
    require('"${CWD}/made"' in text and "seen in 2 of 2; file.open" in text and str(folders[1]) not in text, text)
    for folder in folders:
        (folder / "made").unlink()
        code, _, errors = suite.execute([*PLAIN, suite.tracer, "run", "--policy", policy, "--", "touch", "made"], cwd=folder)
        require(code == 0 and not errors and (folder / "made").exists(), f"{ending(code)} {errors}")
    other = suite.path(".other.mcap")
    suite.execute([suite.tracer, "record", "-o", other, "--", "true"], cwd=folders[0])
    code, _, errors = suite.execute([suite.tracer, "policy", "learn", recordings[0], other], cwd=folders[0])
    require(code == 0 and "of 2 commands" in errors, f"{ending(code)} {errors}")


def unanswered_case(suite):
    """An address at which nobody answers is tried again, and found as before."""
    folder, recording, policy = suite.path(".own"), suite.path(".mcap"), suite.path(".yaml")
    folder.mkdir()
    script = ("import errno, socket\nfor family, peer in ((socket.AF_INET, ('127.0.0.1', 9)), (socket.AF_UNIX, '\\0abitrace-nobody'),"
              " (socket.AF_UNIX, '/tmp/abitrace-nobody')):\n"
              "  try: socket.socket(family).connect(peer)\n  except OSError as e: print(errno.errorcode[e.errno])")
    command = ["/usr/bin/python3", "-I", "-S", "-c", script]
    code, wanted, errors = suite.execute([*PLAIN, suite.tracer, "record", "-o", recording, "--", *command], cwd=folder)
    require(wanted.split() == [b"ECONNREFUSED", b"ECONNREFUSED", b"ENOENT"], f"{wanted} {errors}")
    suite.execute([suite.tracer, "policy", "learn", "-o", policy, recording], cwd=folder)
    text = policy.read_text()
    require(text.count("nobody there: sock.connect by /usr/bin/python3") == 3, text)
    code, output, errors = suite.execute([*PLAIN, suite.tracer, "run", "--policy", policy, "--", *command], cwd=folder)
    require((code, output, errors) == (0, wanted, ""), f"{ending(code)} {output} {errors}")


def processes_case(suite):
    """Other processes are left to a person; its own is the program's."""
    folder, recording, policy = suite.path(".own"), suite.path(".mcap"), suite.path(".yaml")
    folder.mkdir()
    command = ["sh", "-c", "cat /proc/self/status /proc/1/comm; ls / > /dev/null"]
    code, _, errors = suite.execute([*PLAIN, suite.tracer, "record", "-o", recording, "--", *command], cwd=folder)
    require(code == 0, short(errors))
    code, _, errors = suite.execute([suite.tracer, "policy", "learn", "-o", policy, recording], cwd=folder)
    text = policy.read_text()
    require("protected" not in text, text)
    require("\n  /proc/self/status: ro" in text and '\n  # "/proc/*/comm": ro' in text, text)
    code, output, errors = suite.execute([*PLAIN, suite.tracer, "run", "--policy", policy, "--", *command], cwd=folder)
    require(b"Name:" in output and "/proc/1/comm" in errors and "refused" in errors, f"{output} {errors}")
    # Both marks taken away: the entry, and the right to look at processes that are not under the policy.
    ambient = re.search(r"^  # (ambient: \[.*\])$", text, re.M)
    require(ambient, text)
    policy.write_text(text.replace('# "/proc/*/comm"', '"/proc/*/comm"') + ambient[1] + "\n")
    code, output, errors = suite.execute([*PLAIN, suite.tracer, "run", "--policy", policy, "--", *command], cwd=folder)
    require(code == 0 and not errors, f"{ending(code)} {errors}")
    # Looking at the root directory opens nothing below it.
    code, output, errors = suite.execute(
        [*PLAIN, suite.tracer, "run", "--policy", policy, "--", "cat", "/etc/passwd"], cwd=folder)
    require(code != 0 and "/etc/passwd) refused" in errors, f"{ending(code)} {output[:200]}")


def run(suite):
    suite.case("walkthrough/git", git_case)
    suite.case("walkthrough/make", make_case)
    suite.case("walkthrough/database", walk_case, ["/usr/bin/python3", "-I", "-S", "-c", DATABASE])
    suite.case("walkthrough/server", server_case, "python")
    suite.case("walkthrough/redis", server_case, "redis-server")
    suite.case("walkthrough/shell", walk_case, ["sh", "-c", SCRIPT])
    for user in (None, "nobody"):
        suite.case(f"walkthrough/readme/{user or 'self'}", readme_case, user)
        suite.case(f"walkthrough/howto/{user or 'self'}", howto_case, user)
    suite.case("walkthrough/directories", directories_case)
    suite.case("walkthrough/unanswered", unanswered_case)
    suite.case("walkthrough/processes", processes_case)
