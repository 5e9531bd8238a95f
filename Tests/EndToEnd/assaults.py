# Attacks of many ways: on peers and processes that the policy does not name. Each way gets through bare, and none under
# the policy, as root and as an ordinary user.

import os
import shutil
import socket
import subprocess
import threading

import attacks
from harness import ending, require, short

NETWORK = """network:
  connect: ["tcp 127.0.0.1:{TCP_OPEN}", "udp 127.0.0.1:{UDP_OPEN}", "unix {arena}/open/*"]
"""
# Ways in which the bare kernel itself says no to an ordinary user.
ROOT_ONLY = {"tables", "interface", "route transformed", "thread with mounts", "thread with a network", "thread with a name", "packet",
             "raw", "mounts", "root", "perf", "fspick", "route", "route by message", "join", "events",
             "new mount", "advise"}
# Ways that are newer than some kernels, or left out of some.
NEW = {"getxattrat", "file_getattr", "fchmodat2", "add in place", "add without position", "add in a queue", "name in secret",
       "tables", "route transformed"}

NETWORK_WAYS = [
    "connect", "mapped", "six", "wildcard six", "wildcard", "neighbour", "mptcp", "udp", "sendto", "sendmsg", "sendmmsg",
    "sendto connected", "race", "nested race", "fast open", "reconnect", "abstract", "path", "linked path", "pair",
    "listen unbound", "bind", "bind unspecified", "netlink", "packet", "raw", "high family", "shared memory", "messages",
    "semaphores", "queue", "key", "socketcall", "route", "route by message", "route six",
    "route by device", "route six by device", "route by index", "route six by index", "route transformed", "tables", "interface", "scoped",
]
VICTIM_WAYS = ["kill", "tkill", "group", "queue", "handle", "folder", "folder race", "owner", "stop", "trace", "limit",
               "priority", "affinity", "score", "memory", "memory file", "advise", "pages", "compare", "scheduler",
               "input and output", "locks"]
# These ask whether it still lives, which takes a right of its own.
INSPECT = "ambient: [self, child, mm, clock, procs-wait-signal-tune]\n"
LOOK_WAYS = ["environment", "standard input"]
OTHER_WAYS = ["leader gone", "daemon", "vfork", "shared", "thread", "image from a thread", "namespace",
              "namespace by clone", "mounts", "root", "personality", "dispatch", "perf", "filter", "logging filter", "join", "events",
              "new mount", "keyring", "set-id", "preload", "unreadable image"]

MEMORY_WAYS = ["memory", "page", "afar", "read", "how", "how place", "how look", "enter", "hold"]
NAME_WAYS = ["mkdir", "mknod", "creat", "symlink", "link", "rename", "bind", "unlink", "truncate", "chmod", "write"]
SPELLINGS = [
    "stat", "lstat", "statx", "access", "faccessat2", "statfs", "getxattr", "listxattr", "inotify", "name_to_handle",
    "chdir", "readdir", "path then stat", "open_tree", "fspick", "getxattrat", "file_getattr", "old open", "old openat",
    "old stat", "old stat64", "old access", "queue", "creat", "openat creat", "mkdirat", "mknod",
    "symlinkat", "linkat", "renameat2", "tmpfile", "truncate", "chmod", "fchmodat2", "fchmod", "utimensat", "futimens",
    "utime", "utimes", "setxattr", "fsetxattr", "unlink", "unlinkat", "old truncate", "old open truncate", "old truncate64",
    "old creat", "old unlink", "old chmod", "old utimensat", "old rename", "append", "sendfile",
]
ABSENT_WAYS = [
    "below", "made below", "how below", "slash", "exclusive", "create folder", "folder", "name folder", "unnamed", "mkdir",
    "symlink", "link", "rmdir", "unlink", "rename", "readlink", "chdir", "truncate", "exec", "exec folder", "bind", "connect",
]
LET_THROUGH = [
    "for neither", "at for neither", "old for neither", "path race", "thread with mounts", "thread with a network",
    "thread with a name", "add in place", "add without position", "add by flags", "add by emptying", "add by zeroing",
    "add in a queue", "name at an edge", "name of 4095", "name at two pages", "name to write only", "name in secret",
]
STEERED = ["handler", "repeated", "frame", "sequence"]
FLOODS = ["waits", "callers", "names", "signals"]

# A name, the program, its ways, and how many processes outside it wants as victims.
GROUPS = [
    ("network", "network", NETWORK_WAYS, 0), ("processes", "lives", VICTIM_WAYS, len(VICTIM_WAYS)),
    ("outside", "lives", LOOK_WAYS, len(LOOK_WAYS)), ("lives", "lives", OTHER_WAYS, 0), ("memory", "flip_others", MEMORY_WAYS, 0), ("names", "swap_makes", NAME_WAYS, 0),
    ("spellings", "spellings", SPELLINGS, 0), ("absent", "absent", ABSENT_WAYS, 0), ("steered", "steer", STEERED, 0), ("floods", "floods", FLOODS, 0), ("let_through", "let_through", LET_THROUGH, 0),
]

LIBRARY = "#include <unistd.h>\n__attribute__((constructor)) static void begin(void) { _exit(77); }\n"
SET_ID = "#include <unistd.h>\nint main(void) { return geteuid() != getuid() ? 77 : 3; }\n"


class Peers:
    """Servers that answer SECRET: at places that the policy does not name, and one of each kind that it does."""

    def __init__(self, place):
        self.sockets, self.environment = [], {"ABSTRACT": f"abitrace-{os.getpid()}-{place.name}"}
        for name in ("TCP", "TCP_OPEN"):
            self.environment[name] = self.stream(self.inet(socket.SOCK_STREAM))
        for name in ("UDP", "UDP_OPEN"):
            self.environment[name] = self.datagrams(self.inet(socket.SOCK_DGRAM), name == "UDP")
        self.stream(self.unix(socket.SOCK_STREAM, "\0" + self.environment["ABSTRACT"]))
        self.stream(self.unix(socket.SOCK_STREAM, str(place / "closed/socket")))
        self.unix(socket.SOCK_DGRAM, str(place / "closed/datagrams"))
        for name in ("socket", "datagrams"):
            (place / "closed" / name).chmod(0o777)

    def inet(self, kind):
        made = socket.socket(socket.AF_INET6, kind)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::", 0))
        self.sockets.append(made)
        return made

    def unix(self, kind, name):
        made = socket.socket(socket.AF_UNIX, kind)
        made.bind(name)
        self.sockets.append(made)
        return made

    def stream(self, server):
        server.listen(16)

        def serve():
            while True:
                try:
                    peer, _ = server.accept()
                    peer.sendall(b"SECRET")
                except OSError:
                    return
        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()[1]

    def datagrams(self, server, answers):
        def serve():
            while True:
                try:
                    _, peer = server.recvfrom(16)
                    if answers:
                        server.sendto(b"SECRET", peer)
                except OSError:
                    return
        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()[1]

    def close(self):
        for each in self.sockets:
            each.close()


def compile_text(suite, text, target, *flags):
    source = suite.path(".c")
    source.write_text(text)
    code, _, errors = suite.execute(["gcc", *flags, "-o", target, source])
    require(code == 0, short(errors))


def ready(suite, folder, user):
    place = attacks.arena(suite, folder, user)
    compile_text(suite, LIBRARY, place / "open/library.so", "-shared", "-fPIC")
    compile_text(suite, SET_ID, place / "programs/set-id", "-static")
    shutil.copy(place / "programs/lives", place / "programs/unreadable")
    os.chown(place / "programs/unreadable", *[attacks.as_user(user).get(name, 0) for name in ("user", "group")])
    (place / "programs/unreadable").chmod(0o111)
    # For root, whoever the program belongs to is somebody else.
    os.chown(place / "programs/set-id", 0 if user else 1, 0)
    (place / "programs/set-id").chmod(0o4755)
    return place


def ways_case(suite, folder, program, ways, victims, user, suffix):
    ways = [way for way in ways if not user or way not in ROOT_ONLY]
    for under_policy in (False, True):
        place = ready(suite, folder, user)
        peers = Peers(place)
        outside = [subprocess.Popen(["sleep", "100"], stdin=subprocess.PIPE, start_new_session=True,
                                    env={"KEY": "SECRET"}, **attacks.as_user(user)) for _ in range(victims)]
        for each in outside:
            os.fchown(each.stdin.fileno(), attacks.as_user(user).get("user", 0), -1)
            each.stdin.write(b"SECRET")
            each.stdin.flush()
        try:
            values = dict(peers.environment)
            if victims:
                values["VICTIMS"] = ",".join(str(each.pid) for each in outside)
            policy = place / "policy.yaml"
            more = INSPECT if "kill" in ways else ""
            policy.write_text(policy.read_text() + NETWORK.format(arena=place, **peers.environment) + more)
            command = ["env", *(f"{name}={value}" for name, value in values.items()),
                       place / "programs" / (program + suffix), place, *ways]
            if not under_policy:
                command.insert(1, "PATIENCE=50")
            else:
                command = [suite.tracer, "run", "--policy", policy, "--", *command]
            code, output, errors = suite.execute(command, **attacks.as_user(user))
        finally:
            peers.close()
            for each in outside:
                each.kill()
                each.wait()
                each.stdin.close()
        won = output.decode().splitlines()
        if under_policy:
            require(code == attacks.HELD and not won, f"got through: {won} {ending(code)} {short(errors)[-200:]}")
        else:
            missing = [way for way in ways if way not in won and way not in NEW]
            require(code == attacks.WON and not missing, f"do not work bare: {missing} {ending(code)} {short(errors)}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("assault") for prefix in suite.wanted):
        return
    folder = attacks.build(suite)
    os.chmod(suite.folder, 0o755)
    tracer = suite.tracer
    suite.tracer = suite.folder / "abitrace-for-all"
    if not suite.tracer.exists():
        shutil.copy(tracer, suite.tracer)
    for user in (None, "nobody"):
        if user and os.geteuid() != 0:
            continue
        for suffix in ("", ".static"):
            name = f"{user or 'root'}{suffix}"
            for group, program, ways, victims in GROUPS:
                for threads in ("1", "8") if "TRIES" in os.environ else ("1",):
                    os.environ["THREADS"] = threads
                    case = f"assault/{group}/{name}" + ("" if threads == "1" else f"/{threads}")
                    suite.case(case, ways_case, folder, program, ways, victims, user, suffix)
    os.environ.pop("THREADS", None)
    suite.tracer = tracer
