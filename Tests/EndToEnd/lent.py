# What the supervisor performs for a program of another user, it performs as that user: no peer and no file takes the
# program for root.

import os
import shutil
import socket
import struct
import threading
import time

import attacks
from harness import Failure, Skip, require, short

POLICY = """abitrace: policy/1
name: lent
files:
  /usr: ro+run
  /lib: ro+run
  /lib64: ro+run
  /etc: ro
  /proc: ro
  /proc/self: rw
  {place}: rw+create+delete
network: {{connect: ["unix {place}/*"], listen: ["unix {place}/*"]}}
ambient: [self+ns_change, child, mm, clock]
"""

# Prints what peers see of it; numbers of processes only where they are its own.
PEERS = """import os, socket, struct, sys
place, ids = sys.argv[1], (os.getpid(), os.getuid(), os.getgid())
peer = socket.socket(socket.AF_UNIX); peer.connect(place + "/stream"); print("stream", peer.recv(99).decode())
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
out.sendto(b"nothing", place + "/datagrams")
for name, claim in (("own", ids), ("root", (ids[0], 0, 0)), ("other", (1, *ids[1:]))):
    try: out.sendmsg([name.encode()], [(socket.SOL_SOCKET, 2, struct.pack("3i", *claim))], 0, place + "/datagrams")
    except OSError as error: print(name, error.errno)
os.umask(0); own = socket.socket(socket.AF_UNIX); own.bind(place + "/own"); own.listen()
print("ready", flush=True); own.accept()
"""
NAMESPACE = """import ctypes, os, sys
print(ctypes.CDLL(None).unshare(0x10000000))
try: print(open(sys.argv[1]).read())
except OSError as error: print(error.errno)
"""

# A directory and a name that is only held come from outside: each way through them that works is printed.
BORROWS = """import os, socket, sys
peer = socket.socket(socket.AF_UNIX); peer.connect(sys.argv[1] + "/stream")
folder, name = socket.recv_fds(peer, 1, 2)[1]
def attempt(way, body):
    try: body(); print(way)
    except OSError: pass
attempt("below", lambda: os.open("secret", os.O_RDONLY, dir_fd=folder))
attempt("again", lambda: os.open(f"/proc/self/fd/{name}", os.O_RDONLY))
attempt("look", lambda: os.stat("secret", dir_fd=folder))
attempt("enter", lambda: (os.fchdir(folder), os.open("secret", os.O_RDONLY)))
print("done")
"""


class Seen:
    """Servers of root's that note whom they think to talk to."""

    def __init__(self, place):
        self.place, self.notes = place, []
        self.stream, self.datagrams = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for name in ("stream", "datagrams"):
            made = getattr(self, name)
            made.bind(str(place / name))
            (place / name).chmod(0o777)
        self.stream.listen()
        self.datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        for serve in (self.answer, self.take):
            threading.Thread(target=serve, daemon=True).start()

    def answer(self):
        peer, _ = self.stream.accept()
        peer.sendall(repr(credentials(peer)[1:]).encode())

    def take(self):
        while True:
            data, control, _, _ = self.datagrams.recvmsg(64, 256)
            self.notes.append((data.decode(), struct.unpack("3i", control[0][2])))


def credentials(connected):
    """Number, user and group of a peer."""
    return struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))


def arena(suite):
    if os.geteuid() != 0:
        raise Skip("only root can lend anything")
    os.chmod(suite.folder, 0o755)
    place = suite.path(".lent")
    place.mkdir()
    place.chmod(0o777)
    policy = place.with_suffix(".yaml")
    policy.write_text(POLICY.format(place=place))
    return place, policy


def peers_case(suite):
    outcomes = []
    for held in (False, True):
        place, policy = arena(suite)
        seen = Seen(place)
        command = ["/usr/bin/python3", "-S", "-c", PEERS, place]
        if held:
            process = suite.start([suite.tracer, "run", "-u", "nobody", "--policy", policy, "--", *command])
        else:
            process = suite.start(command, **attacks.as_user("nobody"))
        lines = []
        while not lines or lines[-1] not in (b"ready\n", b""):
            lines.append(process.stdout.readline())
        if not lines[-1]:
            raise Failure(f"{'held' if held else 'bare'}: {lines} {short(process.communicate()[1], 40)}")
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(place / "own"))
        lines.append(credentials(peer)[1:])
        peer.close()
        errors = process.communicate()[1].decode()
        require(process.returncode == 0, short(errors))
        while len(seen.notes) < 2:
            time.sleep(0.01)
        numbers = {ids[0] for _, ids in seen.notes}
        outcomes.append((lines, [(data, ids[1:]) for data, ids in seen.notes], len(numbers)))
    require(len(outcomes[0][1]) == 2, f"bare, peers saw {outcomes[0]}")
    require(outcomes[0] == outcomes[1], f"bare {outcomes[0]}, held {outcomes[1]}: {short(errors)[-200:]}")


def borrowed_case(suite, user):
    """What comes over a socket is a start of names: where they lead is decided as ever."""
    outputs = []
    for held in (False, True):
        place, policy = arena(suite)
        (place / "closed").mkdir()
        (place / "closed/secret").write_text("SECRET")
        policy.write_text(policy.read_text().replace("network:", f"  {place}/closed: none\nnetwork:", 1))
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(place / "stream"))
        (place / "stream").chmod(0o777)
        server.listen()
        command = ["/usr/bin/python3", "-S", "-c", BORROWS, place]
        prefix = [suite.tracer, "run", "--policy", policy, "--"] if held else []
        process = suite.start([*prefix, *command], **attacks.as_user(user))
        peer, _ = server.accept()
        lent = [os.open(place / "closed", os.O_RDONLY), os.open(place / "closed/secret", os.O_PATH)]
        socket.send_fds(peer, [b"x"], lent)
        output, errors = process.communicate()
        for each in lent:
            os.close(each)
        peer.close()
        server.close()
        require(process.returncode == 0, short(errors))
        outputs.append(output.decode().split())
    require(outputs == [["below", "again", "look", "enter", "done"], ["done"]], f"bare, held: {outputs}")


def namespace_case(suite):
    """All capabilities of a user namespace are none over what lies outside."""
    place, policy = arena(suite)
    shared = place / "roots"
    shared.write_text("SECRET")
    shared.chmod(0o600)
    command = ["/usr/bin/python3", "-S", "-c", NAMESPACE, shared]
    bare = suite.execute(command, **attacks.as_user("nobody"))
    if not bare[1].startswith(b"0\n"):
        raise Skip("this kernel gives no user namespaces to ordinary users")
    held = suite.execute([suite.tracer, "run", "-u", "nobody", "--policy", policy, "--", *command])
    require(bare[1] == b"0\n13\n", f"bare {bare}")
    require(held[:2] == bare[:2], f"bare {bare}, held {held}")


def run(suite):
    tracer = suite.tracer
    if not suite.wanted or any(prefix.startswith("lent") for prefix in suite.wanted):
        suite.tracer = suite.folder / "abitrace-for-all"
        if not suite.tracer.exists():
            shutil.copy(tracer, suite.tracer)
    suite.case("lent/peers", peers_case)
    suite.case("lent/namespace", namespace_case)
    for user in (None, "nobody"):
        suite.case(f"lent/borrowed/{user or 'root'}", borrowed_case, user)
    suite.tracer = tracer
