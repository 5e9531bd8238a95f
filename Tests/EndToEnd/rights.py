# Rights of handles: what a program is given it can use, what it is born with is narrowed, and nothing widens either.

import os
import pty
import socket
import subprocess
import threading
import time

import attacks
from harness import MARK, Skip, ending, require, short

POLICY = """abitrace: policy/1
name: rights
files:
  /usr: ro+run
  /etc: ro
  /proc: ro
  /dev: ro
  /dev/null: rw
  {arena}/programs: ro+run
"""
READ_ONLY = "handles: {{stdin: ro}}\n"
GIVEN = "give:\n  data: {{open: {arena}/given, rights: ro, fd: 4}}\n"

# In this order: some take away what others need.
FILE_WAYS = ["write", "pwrite", "splice", "sendfile", "copy", "queue", "allocate", "map", "protect", "reopen", "device",
             "dup", "over", "flags", "pass", "take", "exec", "truncate", "named"]
STREAM_WAYS = ["write", "reopen", "device", "dup", "over", "flags", "pass", "take", "exec"]
PIPE_WAYS = [*STREAM_WAYS, "splice", "sendfile", "tee", "vmsplice"]
END_WAYS = ["reopen", "device", "swapped"]
GIVEN_WAYS = ["write", "make", "folder", "up", "link", "deeper", "name", "enter", "reopen", "mode", "move", "remove"]


def execute(suite, command, **options):
    """As the suite does, with descriptors of the case's own."""
    environment = dict(os.environ, **{MARK: suite.mark, "LC_ALL": "C"})
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        start_new_session=True, **options)
    output, errors = process.communicate()
    return process.returncode, output, errors.decode(errors="replace")


def arena(suite, folder, user, more):
    place = attacks.arena(suite, folder, user)
    for name in ("given", "given/folder"):
        (place / name).mkdir()
    (place / "given/file").write_text("given\n")
    (place / "given/folder/inner").write_text("inner\n")
    (place / "given/link").symlink_to(place / "closed/secret")
    policy = place / "policy.yaml"
    policy.write_text(POLICY.format(arena=place) + more.format(arena=place))
    if user:
        numbers = attacks.as_user(user)
        for path in [place, *place.rglob("*")]:
            os.chown(path, numbers["user"], numbers["group"], follow_symlinks=False)
    return place, policy


def under(suite, policy, command, **options):
    return execute(suite, [suite.tracer, "run", "--policy", policy, "--", *command], **options)


def opened(place, kind, owner):
    """A descriptor for reading and writing, and what must be closed afterwards."""
    if kind == "file":
        number = os.open(place / "open/file", os.O_RDWR)
        return number, [number]
    if kind == "pipe":
        os.mkfifo(place / "pipe", 0o666)
        os.chmod(place / "pipe", 0o666)
        number = os.open(place / "pipe", os.O_RDWR)
        return number, [number]
    if kind == "end":
        ends = os.pipe()
        os.fchown(ends[0], owner, owner)
        return ends[0], ends
    if kind == "memory":
        number = os.memfd_create("memory")
        os.write(number, b"memory")
        return number, [number]
    leader, follower = pty.openpty()
    return follower, [leader, follower]


def wins(suite, command, place, kind, user, before=()):
    number, all_numbers = opened(place, kind, attacks.as_user(user).get("user", 0))
    if kind == "terminal" and user:
        os.fchown(number, attacks.as_user(user)["user"], -1)
    code, output, errors = execute(suite, [*before, *command], stdin=number, **attacks.as_user(user))
    for each in all_numbers:
        os.close(each)
    return code, output, errors


def check(ways, bare, held):
    """Each way got through bare, and none under the policy."""
    code, output, errors = bare
    missing = set(ways) - set(output.decode().split())
    require(code == attacks.WON and not missing, f"bare {ending(code)}, does not work: {missing} {short(errors)}")
    code, output, errors = held
    require(code == attacks.HELD, f"{ending(code)} under the policy, got through: {short(output, 20)} {errors[-300:]}")


def narrowed_case(suite, folder, kind, ways, user, suffix):
    outcomes = []
    for before in ([], [suite.tracer, "run", "--strict", "--policy", None, "--"]):
        place, policy = arena(suite, folder, user, READ_ONLY)
        before = [policy if part is None else part for part in before]
        outcomes.append(wins(suite, [place / ("programs/narrowed" + suffix), place, *ways], place, kind, user, before))
    check(ways, *outcomes)


def pass_case(suite, folder, user):
    """What lacks `pass` is handed to nobody; what has it is."""
    for words, wanted in (("ro-pass", attacks.HELD), ("ro", attacks.WON)):
        place, policy = arena(suite, folder, user, f"handles: {{{{stdin: {words}}}}}\n")
        code, output, errors = wins(
            suite, [place / "programs/narrowed", place, "send"], place, "file", user,
            [suite.tracer, "run", "--policy", policy, "--"])
        require(code == wanted, f"{words}: {ending(code)} {short(output)} {errors[-300:]}")


def given_case(suite, folder, ways, user, suffix):
    options = attacks.as_user(user)
    place, _ = arena(suite, folder, user, GIVEN)
    command = [place / ("programs/through_given" + suffix), place, *ways]
    bare = execute(suite, ["sh", "-c", f'exec 4<{place}/given "$@"', "sh", *command], **options)
    place, policy = arena(suite, folder, user, GIVEN)
    command = [place / ("programs/through_given" + suffix), place, *ways]
    check(ways, bare, under(suite, policy, command, **options))


# What may be done to the one and not to the other.
SWAPPED = """  {arena}/open: rw+control
  {arena}/fixed: rw-resize-flags_set
  {arena}/log: append+read
network: {{connect: ["tcp 127.0.0.1:*"], listen: ["tcp 127.0.0.1:*"]}}
give:
  mine: {{listen: "tcp 127.0.0.1:%d", rights: listen+rw, fd: 3}}
  other: {{listen: "tcp 127.0.0.1:%d", rights: listen+rw-accept, fd: 4}}
"""
SWAPS = ["truncate", "control", "flags", "accept", "old truncate", "overwrite", "no append"]


def free_ports(count):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = tuple(probe.getsockname()[1] for probe in probes)
    for probe in probes:
        probe.close()
    return ports


def swap_case(suite, folder, way, threads, user, *flags):
    options = attacks.as_user(user)
    place, _ = arena(suite, folder, user, "")
    command = [place / "programs/swap_number", place, way, threads]
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    numbers = [server.fileno() for server in servers]
    code, _, errors = execute(
        suite, ["/usr/bin/python3", "-c", RENUMBERS, *numbers, *command, "1000000000"], pass_fds=numbers, **options)
    for server in servers:
        server.close()
    if code == 5:
        raise Skip("this kernel has no RWF_NOAPPEND")
    require(code == attacks.WON, f"the attack does not work bare: {ending(code)} {short(errors)}")
    place, policy = arena(suite, folder, user, SWAPPED % free_ports(2))
    command = [place / "programs/swap_number", place, way, threads]
    code, output, errors = execute(
        suite, [suite.tracer, "run", *flags, "--policy", policy, "--", *command], **options)
    require(code == attacks.HELD, f"{ending(code)} under the policy: {short(output)} {errors[-300:]}")


RENUMBERS = """import os, sys
os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])
"""

THREADED = """import fcntl, os, resource, signal, socket, termios, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
file = os.open("work", os.O_RDWR | os.O_CREAT)
print(os.write(file, b"0123456789"), os.lseek(file, 2, 0), os.ftruncate(file, 8), os.fsync(file), os.fdatasync(file))
print(os.pread(file, 20, 4), os.pwrite(file, b"ab", 4), os.pread(file, 20, 0), os.posix_fallocate(file, 0, 20))
parts = bytearray(3), bytearray(20)
print(os.pwritev(file, [b"12", b"345"], 6), os.preadv(file, parts, 5), parts, os.pwritev(file, [b"z"], 0, os.RWF_DSYNC))
try: os.preadv(os.pipe()[0], parts, 5)
except OSError as e: print(e.errno)
print(fcntl.flock(file, fcntl.LOCK_EX), fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND), fcntl.fcntl(file, fcntl.F_GETFL))
print(fcntl.ioctl(file, termios.FIONREAD, b"....")[0], os.isatty(file))
try: fcntl.ioctl(file, 0x5401, b"." * 60)
except OSError as e: print(e.errno)
try: os.fsync(900)
except OSError as e: print(e.errno)
try: os.lseek(file, -3, 0)
except OSError as e: print(e.errno)
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
one, address = server.accept()
print(address == client.getsockname(), one.getsockname() == client.getpeername(), one.getblocking())
one.sendall(b"five!")
select = __import__("select").poll(); select.register(client); select.poll()
print(fcntl.ioctl(client, termios.FIONREAD, b"....")[0], one.shutdown(socket.SHUT_WR), client.recv(10), client.recv(1))
server.settimeout(0.05)
try: server.accept()
except OSError as e: print(type(e).__name__)
signal.signal(signal.SIGXFSZ, lambda *_: print("too large"))
resource.setrlimit(resource.RLIMIT_FSIZE, (30, 30))
limited = os.open("limited", os.O_RDWR | os.O_CREAT)
for made in (lambda: os.pwrite(limited, b"within", 0), lambda: os.pwrite(limited, b"half in", 26),
             lambda: os.pwrite(limited, b"beyond", 30), lambda: os.pwritev(limited, [b"a" * 20, b"b" * 20], 0),
             lambda: os.write(limited, b"c" * 40), lambda: os.write(limited, b"c" * 40),
             lambda: os.ftruncate(limited, 31), lambda: os.ftruncate(limited, 3), lambda: os.ftruncate(limited, 30),
             lambda: os.posix_fallocate(limited, 0, 31), lambda: os.posix_fallocate(limited, 10, 20)):
    try: print(made(), os.fstat(limited).st_size)
    except OSError as e: print(e.errno, os.fstat(limited).st_size)
"""


def threaded_case(suite, folder, flags):
    """What is performed on a copy for a program with threads is what the program would have done."""
    place, policy = arena(
        suite, folder, None,
        "  {arena}/open: rw+create\nnetwork: {{connect: [\"tcp 127.0.0.1:*\"], listen: [\"tcp 127.0.0.1:*\"]}}\n"
        "handles: {{stdin: read, stdout: write+stat}}\n")
    command = ["/usr/bin/python3", "-c", THREADED]
    bare = execute(suite, command, cwd=place / "open")
    for name in "work", "limited":
        (place / "open" / name).unlink()
    code, output, errors = execute(
        suite, [suite.tracer, "run", *flags, "--policy", policy, "--", *command], cwd=place / "open")
    require(code == 0 and bare[0] == 0, f"bare {ending(bare[0])} {bare[2][-200:]}, {ending(code)} {errors[-400:]}")
    require(output == bare[1], f"bare '{short(bare[1], 20)}', under the policy '{short(output, 20)}'")


SEES = """import os
print(sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1])
print(os.read(3, 20), os.listdir(4), os.read(os.open("folder/inner", os.O_RDONLY, dir_fd=4), 20))
os.write(5, b"added"); os.write(5, b" twice")
"""


def numbers_case(suite, folder, user):
    """Only what was given is there, at its numbers, and works; what else we had is closed."""
    more = GIVEN + ("  file: {{open: {arena}/given/file, rights: ro, fd: 3}}\n"
                    "  log: {{open: {arena}/open/log, rights: append+create, fd: 5}}\n")
    place, policy = arena(suite, folder, user, more)
    number = os.open("/etc/passwd", os.O_RDONLY)
    code, output, errors = under(suite, policy, ["/usr/bin/python3", "-c", SEES], pass_fds=[number],
                                 **attacks.as_user(user))
    os.close(number)
    require(code == 0, f"{ending(code)} {errors[-300:]}")
    lines = output.decode().splitlines()
    require(lines[0] == "[0, 1, 2, 3, 4, 5]", f"it sees {lines[0]}")
    require("b'given" in lines[1] and "'folder'" in lines[1] and "b'inner" in lines[1], lines[1])
    require((place / "open/log").read_text() == "added twice", "the log is not what was written")


SERVES = """import socket
connection = socket.socket(fileno=3).accept()[0]
connection.sendall(b"served " + connection.recv(10)); connection.close()
peer = socket.socket(fileno=4); peer.sendall(b"hello")
print(peer.recv(10).decode())
"""
# A connection, then each way to do what only some listeners hand on.
ACCEPTS = """import socket
listener = socket.socket(fileno=3); one = listener.accept()[0]
one.sendall(b"served " + one.recv(10))
def attempt(name, way):
    try: way(); print(name)
    except PermissionError: pass
attempt("set", lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
attempt("get", lambda: one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
attempt("peer", lambda: one.getpeername())
attempt("again", lambda: one.dup().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
attempt("pair", lambda: socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
attempt("shut", lambda: one.shutdown(socket.SHUT_WR))
"""


def accepted_case(suite, folder, address, user):
    """A connection may do what the listener that it came through may, and no more."""
    for rights_, wanted in (("listen", "set get peer again pair shut"), ("listen-option_set", "get peer pair shut"),
                            ("listen-shutdown-option_set", "get peer pair")):
        port, = free_ports(1)
        place, _ = arena(suite, folder, user, "")
        name = address.format(port=port, place=place)
        place, policy = arena(suite, folder, user, "")
        name = address.format(port=port, place=place)
        policy.write_text(policy.read_text() + f'give:\n  web: {{listen: "{name}", rights: {rights_}, fd: 3}}\n')
        process = suite.start([suite.tracer, "run", "--policy", policy, "--", "/usr/bin/python3", "-S", "-c", ACCEPTS],
                              **attacks.as_user(user))
        client = None
        while client is None:
            made = socket.socket(socket.AF_UNIX if "unix" in name else socket.AF_INET)
            try:
                made.connect(f"{place}/open/web" if "unix" in name else ("127.0.0.1", port))
                client = made
            except OSError:
                require(process.poll() is None, "it ended before it served")
                made.close()
                time.sleep(0.05)
        client.sendall(b"hello")
        served = client.recv(20)
        output, errors = process.communicate()
        client.close()
        require(process.returncode == 0 and served == b"served hello", f"{ending(process.returncode)} {served} {short(errors)}")
        require(output.decode().split() == wanted.split(), f"{rights_}: {output} {short(errors)[-300:]}")


# A request that takes `control` (SIOCGIFFLAGS).
ASKS = """import fcntl
try: fcntl.ioctl(3, 0x8913, b"lo" + bytes(38)); print("asked")
except PermissionError: print("refused")
"""


def request_case(suite):
    """Where every file may be asked anything, a listener may be asked what it was given for."""
    for rights_, wanted in (("listen", b"refused\n"), ("listen+control", b"asked\n")):
        port, = free_ports(1)
        policy = suite.path(".yaml")
        policy.write_text("abitrace: policy/1\nname: requests\nfiles: {/: all}\n"
                          f'give: {{web: {{listen: "tcp 127.0.0.1:{port}", rights: {rights_}, fd: 3}}}}\n')
        code, output, errors = under(suite, policy, ["/usr/bin/python3", "-S", "-c", ASKS])
        require((code, output) == (0, wanted), f"{rights_}: {ending(code)} {output} {short(errors)}")


NO_SOCKETS = "classes: {{sock.create: deny, sock.bind: deny, sock.connect: deny}}\n"


def sockets_case(suite, folder, family, user):
    """A listening and a connected socket, made by abitrace, for a program that can make none."""
    server = socket.socket(socket.AF_INET if family == "tcp" else socket.AF_UNIX)
    port, = free_ports(1)
    if family == "tcp":
        server.bind(("127.0.0.1", 0))
        names = f"tcp 127.0.0.1:{port}", "tcp 127.0.0.1:%d" % server.getsockname()[1]
    else:
        names = "unix {arena}/open/given.socket", f"unix @abitrace-{suite.mark}"
        server.bind(f"\0abitrace-{suite.mark}")
    server.listen()
    more = NO_SOCKETS + (f'give:\n  web: {{{{listen: "{names[0]}", rights: listen+rw, fd: 3}}}}\n'
                         f'  peer: {{{{connect: "{names[1]}", rights: dial+rw, fd: 4}}}}\n')
    place, policy = arena(suite, folder, user, more)
    if family == "unix":
        # The name of a socket that nobody listens on any more is no obstacle.
        socket.socket(socket.AF_UNIX).bind(str(place / "open/given.socket"))
        if user:
            os.chown(place / "open/given.socket", attacks.as_user(user)["user"], -1)
    seen = []

    def talk():
        connection = server.accept()[0]
        client = socket.socket(server.family)
        client.connect(("127.0.0.1", port) if family == "tcp" else str(place / "open/given.socket"))
        client.sendall(b"mine")
        seen.append(client.recv(20))
        seen.append(connection.recv(10))
        connection.sendall(b"answered")

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    code, output, errors = under(suite, policy, ["/usr/bin/python3", "-c", SERVES], **attacks.as_user(user))
    require((code, output) == (0, b"answered\n"), f"{ending(code)} '{short(output)}' {errors[-300:]}")
    thread.join(5)
    require(seen == [b"served mine", b"hello"], f"the outside saw {seen}")


APPENDS = """import os
def refused(what):
    try: what()
    except OSError: return True
print(refused(lambda: os.lseek(1, 0, 0)), refused(lambda: os.pwrite(1, b"over", 0)),
      refused(lambda: os.ftruncate(1, 0)), refused(lambda: os.open("/proc/self/fd/1", os.O_WRONLY)),
      __import__("fcntl").fcntl(1, 3) & os.O_APPEND != 0)
"""


def append_case(suite, folder, user):
    """What is to be appended to stays as it was, and whoever shares the place in the file goes on behind."""
    place, policy = arena(suite, folder, user, "handles: {{stdout: append}}\n")
    log = place / "open/file"
    number = os.open(log, os.O_RDWR)
    tracer = [str(part) for part in (suite.tracer, "run", "--strict", "--policy", policy, "--")]
    shell = 'echo before; "$@"; echo after'
    subprocess.run(["sh", "-c", shell, "sh", *tracer, "/usr/bin/python3", "-c", APPENDS], stdout=number,
                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **attacks.as_user(user))
    # The first line went where the descriptor stood.
    require(log.read_text() == "before\nTrue True True True True\nafter\n", f"the file: {short(log.read_text(), 9)}")
    os.close(number)


def closed_case(suite, folder, user):
    place, policy = arena(suite, folder, user, "handles: {{stdin: none, inherited: ro}}\n")
    number = os.open(place / "open/file", os.O_RDWR)
    program = ("import os\nprint(sorted(int(n) for n in os.listdir('/proc/self/fd')))\n"
               f"try: os.write({number}, b'x')\nexcept OSError as e: print('held', os.read({number}, 9))\n")
    code, output, errors = under(suite, policy, ["/usr/bin/python3", "-c", program], pass_fds=[number],
                                 **attacks.as_user(user))
    os.close(number)
    lines = output.decode().splitlines()
    require(code == 0 and lines[1:] == ["held b'open\\n'"], f"{ending(code)} '{short(output)}' {errors[-300:]}")
    # The number that is closed is the first that is given out again: the listing's own.
    require(lines[0] == f"[0, 1, 2, {number}]", f"it sees {lines[0]}")


def strict_case(suite, folder):
    """What no mode holds is said, and refused where it is asked for."""
    place, policy = arena(suite, folder, None, READ_ONLY)
    one, other = socket.socketpair()
    for flags, wanted in ((["--strict"], 1), ([], 0)):
        code, _, errors = execute(
            suite, [suite.tracer, "run", *flags, "--policy", policy, "--", "/usr/bin/true"], stdin=one.fileno())
        require(code == wanted and "which no mode narrows" in errors, f"{ending(code)} {short(errors)}")
    one.close()
    other.close()


# accept, epoll_wait, inotify_rm_watch, listen, fsync on what stands for nothing; signalfd takes -1 for a new one.
NOTHING = """import ctypes
library = ctypes.CDLL(None, use_errno=True)
place = ctypes.create_string_buffer(128)
for fd in (-1, -100, 99, -2 ** 31):
    for number in (43, 232, 255, 50, 74, 289):
        answer = library.syscall(number, fd, place, 8, 0, 0, 0)
        print(number, fd, answer >= 0, ctypes.get_errno() if answer < 0 else 0)
"""
# utimensat, fchownat and fchmodat2 take a NULL for no name at all, or refuse it; fstatat and statx for an empty one.
NAMELESS = """import ctypes, os
library = ctypes.CDLL(None, use_errno=True)
place = ctypes.create_string_buffer(256)
for fd in (-100, os.open('.', os.O_RDONLY), os.open('file', os.O_RDWR)):
    for flags in (0, 0x100, 0x1000):
        for call in ((280, None, flags), (260, -1, -1, flags), (452, 0o644, flags), (262, place, flags), (332, flags, 0x7FF, place)):
            ctypes.set_errno(0)
            answer = library.syscall(call[0], fd, None, *call[1:])
            print(call[0], fd, flags, answer, ctypes.get_errno())
"""


def nothing_case(suite, folder):
    """A number without a descriptor is the kernel's to refuse, and no policy's."""
    place, policy = arena(suite, folder, None, "")
    command = ["/usr/bin/python3", "-S", "-c", NOTHING]
    code, bare, _ = execute(suite, command)
    require(code == 0 and bare.count(b"False 9\n") == 23, short(bare, 40))
    code, held, errors = under(suite, policy, command)
    require(held == bare and "Bad address" not in errors, f"{ending(code)} {short(held)} {short(errors)}")


# A file in memory, in a process with threads: locked, sealed, opened again.
IN_MEMORY = """import fcntl, mmap, os, threading
hold = threading.Event()
threading.Thread(target=hold.wait).start()
file = os.memfd_create('m', os.MFD_ALLOW_SEALING)
name = f'/proc/self/fd/{file}'
def say(what, body):
    try: body(); print(what, 'done')
    except OSError as error: print(what, error.strerror)
say('size', lambda: os.ftruncate(file, 8192))
say('lock', lambda: (fcntl.flock(file, fcntl.LOCK_EX), fcntl.lockf(file, fcntl.LOCK_EX)))
say('sync', lambda: os.fsync(file))
say('flags', lambda: fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND))
say('run', lambda: mmap.mmap(file, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC))
for flags in (os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_TRUNC): say(flags, lambda: os.open(name, flags))
say('name', lambda: os.truncate(name, 4096))
say('mode', lambda: os.chmod(name, 0o640))
say('seal', lambda: fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK))
say('sealed', lambda: os.ftruncate(file, 1))
hold.set()
"""


# Open to be read, nothing more.
READ_IN_MEMORY = """import os
writable = os.memfd_create('m')
os.write(writable, b'data')
file = os.open(f'/proc/self/fd/{writable}', os.O_RDONLY)
os.close(writable)
name = f'/proc/self/fd/{file}'
def say(what, body):
    try: body(); print(what, 'done')
    except OSError: pass
say('write', lambda: os.open(name, os.O_RDWR))
say('empty', lambda: os.open(name, os.O_RDONLY | os.O_TRUNC))
say('size', lambda: os.truncate(name, 1))
"""


def widened_memory_case(suite, folder, user):
    place, policy = arena(suite, folder, user, "")
    command = ["/usr/bin/python3", "-S", "-c", READ_IN_MEMORY]
    code, bare, errors = execute(suite, command, cwd=place, **attacks.as_user(user))
    require((code, bare.split()[::2]) == (0, [b"write", b"empty", b"size"]), f"bare: {short(bare)} {short(errors)}")
    code, held, errors = under(suite, policy, command, cwd=place, **attacks.as_user(user))
    require((code, held) == (0, b""), f"got through: {ending(code)} {short(held)} {short(errors)}")


def in_memory_case(suite, folder):
    """No entry is about a file in memory: it is the program's own."""
    place, policy = arena(suite, folder, None, "  /: lookup+stat\n")
    command = ["/usr/bin/python3", "-S", "-c", IN_MEMORY]
    code, bare, errors = execute(suite, command)
    require(code == 0 and b"sealed Operation not permitted" in bare, f"{short(bare, 40)} {short(errors)}")
    code, held, errors = under(suite, policy, command)
    require(held == bare, f"{ending(code)} {set(held.splitlines()) - set(bare.splitlines())} {short(errors)}")


def nameless_case(suite, folder):
    """Where there is no name, nothing else is changed in its place."""
    place, policy = arena(suite, folder, None, "  {arena}/open: rw+attr\n")
    command = ["/usr/bin/python3", "-S", "-c", NAMELESS]
    code, bare, errors = execute(suite, command, cwd=place / "open")
    require(code == 0 and b"260 -100 4096 -1 14\n" in bare, f"{short(bare, 40)} {short(errors)}")
    code, held, errors = under(suite, policy, command, cwd=place / "open")
    require(held == bare, f"{ending(code)} {set(held.splitlines()) - set(bare.splitlines())} {short(errors)}")


def taken_number_case(suite, folder):
    place, policy = arena(suite, folder, None, "")
    server = socket.create_server(("127.0.0.1", 0))
    policy.write_text(policy.read_text() + f'give: {{web: {{listen: "tcp 127.0.0.1:{server.getsockname()[1]}", '
                      "rights: listen, fd: 3}}\n")
    code, _, errors = under(suite, policy, ["/usr/bin/true"])
    require(code == 1 and "cannot listen on tcp" in errors and "in use" in errors, f"{ending(code)} {short(errors)}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("rights") for prefix in suite.wanted):
        return
    folder = attacks.build(suite)
    with attacks.reachable(suite):
        for user in (None, "nobody"):
            if user and os.geteuid() != 0:
                continue
            who = user or "root"
            for suffix in ("", ".static"):
                for kind, ways in (("file", FILE_WAYS), ("memory", FILE_WAYS), ("pipe", PIPE_WAYS), ("end", END_WAYS),
                                   ("terminal", STREAM_WAYS if user else [*STREAM_WAYS, "inject"])):
                    suite.case(f"rights/narrowed/{kind}/{who}{suffix}", narrowed_case, folder, kind, ways, user, suffix)
                suite.case(f"rights/given/{who}{suffix}", given_case, folder, GIVEN_WAYS, user, suffix)
            for way in SWAPS:
                for threads in ("1", "8"):
                    suite.case(f"rights/swap/{way}/{threads}/{who}", swap_case, folder, way, threads, user)
            suite.case(f"rights/numbers/{who}", numbers_case, folder, user)
            for family in ("tcp", "unix"):
                suite.case(f"rights/sockets/{family}/{who}", sockets_case, folder, family, user)
            for address in ("tcp 127.0.0.1:{port}", "tcp 0.0.0.0:{port}", "unix {place}/open/web"):
                suite.case(f"rights/accepted/{address.split('{')[0].replace(' ', '-').rstrip('-:/')}/{who}", accepted_case,
                           folder, address, user)
            suite.case(f"rights/pass/{who}", pass_case, folder, user)
            suite.case(f"rights/append/{who}", append_case, folder, user)
            suite.case(f"rights/widened_memory/{who}", widened_memory_case, folder, user)
            suite.case(f"rights/closed/{who}", closed_case, folder, user)
        for flags in ([], ["--strict"]):
            suite.case("/".join(["rights/threaded", *flags]), threaded_case, folder, flags)
        suite.case("rights/request", request_case)
        suite.case("rights/strict", strict_case, folder)
        suite.case("rights/nothing", nothing_case, folder)
        suite.case("rights/nameless", nameless_case, folder)
        suite.case("rights/in_memory", in_memory_case, folder)
        suite.case("rights/taken_number", taken_number_case, folder)
