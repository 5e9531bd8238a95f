# What each shipped policy and each promise is for runs under it, with a recording that proves it; what it is against is
# stopped, and without the promise the program is too.

import os
import pty
import shutil
import socket
import threading
import time
from pathlib import Path

import rights
from harness import HERE, Skip, ending, require, short

POLICIES = HERE.parent.parent / "policies"
PYTHON = ["/usr/bin/python3", "-S", "-c"]

# Serves its directory from the socket that it was given, a thread for each of eight requests, and writes a log.
THREADED = """import http.server, os, socket, socketserver
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words): pass
    def do_GET(self):
        super().do_GET()
        open("data/log", "a").write(self.path + "\\n")
class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = False
    def __init__(self):
        socketserver.BaseServer.__init__(self, ("", 0), Handler)
        self.socket = socket.socket(fileno=3)
with Server() as server:
    for _ in range(8): server.handle_request()
print(len(open("data/log").readlines()))
"""
NGINX = """user root; pid {place}/data/pid; error_log {place}/data/log; daemon off; worker_processes 1;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {place}/data/t1; proxy_temp_path {place}/data/t2;
fastcgi_temp_path {place}/data/t3; uwsgi_temp_path {place}/data/t4; scgi_temp_path {place}/data/t5;
server {{ listen 0.0.0.0:{port}; root {place}; }} }}
"""
# Ways out of a server: what each prints when it gets through.
SERVER_WAYS = """import os, socket
def attempt(name, way):
    try: way(); print(name)
    except OSError: pass
attempt("socket", lambda: socket.socket())
attempt("local", lambda: socket.socket(socket.AF_UNIX))
attempt("connect", lambda: socket.socket(fileno=3).connect(("127.0.0.1", 9)))
attempt("config", lambda: open("served", "a"))
attempt("secret", lambda: open("../secret").read())
attempt("listener", lambda: socket.socket(fileno=3).bind(("127.0.0.1", 0)))
print("done")
"""
# A loop over pipes with whatever Python takes for the best poller.
LOOP = """import os, selectors, sys
loop, ends = selectors.DefaultSelector(), [os.pipe() for _ in range(3)]
for number, (read, write) in enumerate(ends): loop.register(read, 1, number); os.write(write, b"x")
got = set()
while len(got) < 3: got |= {key.data for key, _ in loop.select()}
print(type(loop).__name__, sorted(got), sys.stdin.read().upper(), os.read(4, 5))
"""
NO_AMBIENT_WAYS = """import os, socket
def attempt(name, way):
    try: way(); print(name)
    except OSError: pass
for name in ("/etc/passwd", "/proc/self/maps", "/tmp", "/", "."): attempt(name, lambda: os.open(name, os.O_RDONLY))
attempt("socket", lambda: socket.socket(socket.AF_UNIX))
attempt("write", lambda: os.write(4, b"x"))
attempt("again", lambda: os.open("/proc/self/fd/4", os.O_RDWR))
attempt("child", lambda: os.kill(os.getppid(), 0))
print("done")
"""


def record(suite, policy, command, **options):
    """Runs a command under a policy and records it; the recording must give the same decisions again."""
    recording = suite.path(".mcap")
    process = suite.start([suite.tracer, "run", "--policy", policy, "-o", recording, "--", *command], **options)
    return process, recording


def replayed(suite, recording):
    code, _, errors = suite.execute([suite.tracer, "replay", "--expect", "live", recording])
    require(code == 0, f"replayed, it is decided otherwise: {ending(code)} {short(errors)}")


def held(suite, policy, command, wanted, **options):
    process, recording = record(suite, policy, command, **options)
    output, errors = process.communicate()
    require((process.returncode, output) == (0, wanted),
            f"{ending(process.returncode)} printed '{short(output)}': {short(errors)[-300:]}")
    replayed(suite, recording)
    return errors.decode(errors="replace")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def get(port, path="/served"):
    """What a server answers; it may not listen yet."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                return b"".join(iter(lambda: client.recv(4096), b""))
        except ConnectionRefusedError:
            time.sleep(0.05)


def server_place(suite):
    """The shipped policy with a port of this case's own."""
    above = suite.path(".server")
    place = above / "app"
    (place / "data").mkdir(parents=True)
    (place / "served").write_text("what it serves\n")
    (above / "secret").write_text("SECRET\n")
    port = free_port()
    policy = place / "server.yaml"
    policy.write_text((POLICIES / "server.yaml").read_text().replace(":8080", f":{port}"))
    return place, policy, port


def threaded_case(suite):
    place, policy, port = server_place(suite)
    process, recording = record(suite, policy, [*PYTHON, THREADED], cwd=place)
    answers = []
    clients = [threading.Thread(target=lambda: answers.append(get(port))) for _ in range(8)]
    [client.start() for client in clients]
    [client.join() for client in clients]
    output, errors = process.communicate()
    require((process.returncode, output) == (0, b"8\n"), f"{ending(process.returncode)} '{short(output)}' {short(errors)[-300:]}")
    require(len(answers) == 8 and all(b"what it serves" in answer for answer in answers), f"answered {answers[:2]}")
    replayed(suite, recording)
    held(suite, policy, [*PYTHON, SERVER_WAYS], b"done\n", cwd=place)


def nginx_case(suite):
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not program:
        raise Skip("no nginx here")
    place, policy, port = server_place(suite)
    (place / "conf").write_text(NGINX.format(place=place, port=port))
    # The program takes a listener over that stands in this variable.
    process, recording = record(
        suite, policy, ["/usr/bin/env", "NGINX=3;", program, "-p", place, "-c", place / "conf", "-e", place / "data/log"],
        cwd=place)
    answer = get(port)
    suite.execute(["kill", "-QUIT", (place / "data/pid").read_text().strip()])
    output, errors = process.communicate()
    require(process.returncode == 0 and b"what it serves" in answer, f"{ending(process.returncode)} {short(errors)[-300:]}")
    replayed(suite, recording)


def cloudabi_case(suite):
    """Descriptors are all it has: standard ones, and a file that it is given."""
    place = suite.path(".place")
    place.mkdir()
    (place / "data").write_text("given data\n")
    policy = place / "cloudabi.yaml"
    policy.write_text((POLICIES / "cloudabi.yaml").read_text()
                      + f"give:\n  data: {{open: {place}/data, rights: ro, fd: 4}}\n")
    wanted = b"PollSelector [0, 1, 2]  b'given'\n"
    held(suite, policy, [*PYTHON, LOOP], wanted, cwd=place)
    held(suite, policy, [*PYTHON, NO_AMBIENT_WAYS], b"done\n", cwd=place)


def sort_case(suite):
    """A filter needs no more than its standard descriptors."""
    policy = suite.path(".yaml")
    policy.write_text((POLICIES / "cloudabi.yaml").read_text())
    read, write = os.pipe()
    os.write(write, b"b\na\n")
    os.close(write)
    recording = suite.path(".mcap")
    code, output, errors = rights.execute(
        suite, [suite.tracer, "run", "--policy", policy, "-o", recording, "--", "/usr/bin/sort"], stdin=read)
    os.close(read)
    require((code, output) == (0, b"a\nb\n"), f"{ending(code)} '{short(output)}' {errors[-300:]}")
    replayed(suite, recording)


# Promises, a program that takes them all, what it prints, and one that wants more than they allow and prints that it got
# it. `{place}` holds `file`; the last promise is the one that the row is about.
PROMISES = [
    (["exec", "stdio"], "echo computed", "computed", "echo x > {place}/made"),
    (["stdio", "exec", "rpath"], "read line < {place}/file; echo $line", "kept", "echo x > {place}/made"),
    (["stdio", "exec", "rpath", "proc"], "(exit 3); echo $?", "3", "echo x > {place}/made"),
    (["stdio", "rpath", "proc", "exec"], "/usr/bin/expr 3 + 4", "7", "echo x > {place}/made"),
    (["stdio", "exec", "rpath", "wpath"], "echo more >> {place}/file; while read line; do echo $line; done < {place}/file", "kept\nmore",
     "echo x > {place}/made"),
    (["stdio", "exec", "rpath", "proc", "cpath"], "mkdir {place}/d && mv {place}/file {place}/d && ls {place}/d", "file",
     "chmod 777 {place}/file"),
    (["stdio", "exec", "rpath", "proc", "fattr"], "chmod 640 {place}/file && stat -c %a {place}/file", "640",
     "echo x >> {place}/file"),
]
PYTHON_PROMISES = [
    (["stdio", "exec", "rpath", "id"], "import os; os.setresgid(7, 7, 7); print(os.getgid())", "7", "open('{place}/file', 'a')"),
    (["stdio", "exec", "rpath", "inet"], "import socket; s = socket.create_server(('127.0.0.1', 0)); "
     "c = socket.create_connection(s.getsockname()); s.accept()[0].send(b'hi'); print(c.recv(2).decode())", "hi",
     "import socket; s = socket.socket(socket.AF_UNIX); s.bind('{place}/socket'); s.listen()"),
    (["stdio", "exec", "rpath", "unix"], "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/abitrace-{pid}'); s.listen(); "
     "c = socket.socket(socket.AF_UNIX); c.connect('/tmp/abitrace-{pid}'); s.accept()[0].send(b'hi'); print(c.recv(2).decode())",
     "hi", "import socket; socket.create_connection(('127.0.0.1', 9))"),
    (["stdio", "exec", "rpath", "tty"], "import termios; termios.tcsetattr(0, 0, termios.tcgetattr(0)); print(open('{tty}', 'w').write('x'))",
     "1", "open('{place}/file', 'a')"),
]


# What another promise of the row gives already.
IMPLIED = {"rpath"}


def promise_case(suite, promises, command, program, wanted, attack):
    name = promises[-1]
    if name == "id" and os.geteuid() != 0:
        raise Skip("only root can change its identity")
    place = suite.path(".promise")
    leader, follower = pty.openpty()
    values = {"place": place, "pid": f"{os.getpid()}-{place.name}", "tty": os.ttyname(follower)}
    attack = attack.format(**values)
    attack += "\nprint('got through')" if command == PYTHON else " 2>/dev/null && echo got through"
    for these, text, printed in ((promises, program.format(**values), wanted), (promises, attack, None),
                                 (promises[:-1], program.format(**values), None))[:2 if name in IMPLIED else 3]:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "file").write_text("kept\n")
        policy = place / "policy.yaml"
        policy.write_text(f"abitrace: policy/1\nname: promised\npromises: [{', '.join(these)}]\n")
        recording = suite.path(".mcap")
        code, output, errors = rights.execute(
            suite, [suite.tracer, "run", "--policy", policy, "-o", recording, "--", *command, text], stdin=follower)
        if printed is not None:
            require((code, output.decode().strip()) == (0, printed),
                    f"{ending(code)} printed '{short(output)}' under {these}: {errors[-300:]}")
        else:
            require("got through" not in output.decode() and output.decode().strip() != wanted,
                    f"'{text}' got through under {these}")
            require("refused" in errors, f"no refusal is told under {these}: {errors[-300:]}")
        if recording.exists():
            replayed(suite, recording)
    os.close(leader)
    os.close(follower)
    Path(f"/tmp/abitrace-{values['pid']}").unlink(missing_ok=True)


# What it takes two promises for at one place, where one of them has a deeper entry than the other.
SUMS = [
    (["tty", "fattr"], "chmod 600 {tty} && stty -F {tty} -echo && stat -c %a {tty}", "600"),
    (["notes.yaml", "cpath"], "echo one > {place}/notes && cat {place}/notes && mv {place}/notes {place}/file", "one"),
]
NOTES = "abitrace: policy/1\nname: notes\nfiles: {{{place}/notes: append+resize}}\n"


def sum_case(suite, promises, program, wanted):
    """Promises add up, whatever lies deeper: with both it runs, with one of them it does not."""
    leader, follower = pty.openpty()
    for these, works in ((promises, True), (promises[:1], False), (promises[1:], False)):
        place = suite.path(".sum")
        place.mkdir()
        (place / "notes.yaml").write_text(NOTES.format(place=place))
        policy = place / "policy.yaml"
        policy.write_text(f"abitrace: policy/1\nname: sum\npromises: [stdio, rpath, exec, proc, {', '.join(these)}]\n")
        command = program.format(place=place, tty=os.ttyname(follower))
        code, output, errors = rights.execute(
            suite, [suite.tracer, "run", "--policy", policy, "--", "/bin/sh", "-c", command])
        answer = (code, output.decode().strip())
        require((answer == (0, wanted)) == works, f"{these}: {ending(code)} '{short(output)}' {errors[-300:]}")
        require(works or "refused" in errors, f"no refusal is told under {these}: {errors[-300:]}")
    os.close(leader)
    os.close(follower)


def every_case(suite):
    """There is a row for each promise."""
    there = {path.stem for path in (POLICIES / "promises").glob("*.yaml")}
    told = {row[0][-1] for row in PROMISES + PYTHON_PROMISES}
    require(there == told, f"no row for {there ^ told}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("shipped") for prefix in suite.wanted):
        return
    suite.case("shipped/server/threaded", threaded_case)
    suite.case("shipped/server/nginx", nginx_case)
    suite.case("shipped/cloudabi/loop", cloudabi_case)
    suite.case("shipped/cloudabi/sort", sort_case)
    suite.case("shipped/promises", every_case)
    for promises, *rest in SUMS:
        suite.case(f"shipped/sum/{'+'.join(promises)}", sum_case, promises, *rest)
    for rows, command in ((PROMISES, ["/bin/sh", "-c"]), (PYTHON_PROMISES, PYTHON)):
        for promises, *rest in rows:
            suite.case(f"shipped/promise/{promises[-1]}", promise_case, promises, command, *rest)
