# A file system that never answers: who asks it waits, nobody else does, and who waits can be ended.

import ctypes
import os
import signal
import stat
import struct
import subprocess
import threading
import time

import attacks
import rights
from harness import SYSTEM, Skip, ending, require, short

# linux/fuse.h
LOOKUP, FORGET, GETATTR, OPEN, READ, INIT, INTERRUPT = 1, 2, 3, 14, 15, 26, 36
PARALLEL = 1 << 18
EINTR, ENOSYS = 4, 38
# Many ask and wait; others are served meanwhile; those who wait are killed, and their parent goes on.
ASKS = """i=0; while [ $i -lt $2 ]; do cat "$1/stalled/$i" 2>/dev/null & all="$all $!"; i=$((i+1)); done
sleep .5; i=0; while [ $i -lt 20 ]; do cat "$1/open/file"; i=$((i+1)); done | sort | uniq -c
kill -9 $all; wait $all; echo ended $?"""


# As above, with a name that lies in a page of a file which nobody answers for.
ASKS_FROM_PAGE = """import ctypes, os, sys, time
place, count = sys.argv[1], int(sys.argv[2])
library = ctypes.CDLL(None)
library.mmap.restype = ctypes.c_void_p
page = library.mmap(None, 4096, 1, 1, os.open(place + "/stalled/page", os.O_RDONLY), 0)
children = []
for _ in range(count):
    children.append(os.fork())
    if children[-1] == 0:
        library.open(ctypes.c_void_p(page), 0)
        os._exit(0)
time.sleep(.5)
print([open(place + "/open/file").read() for _ in range(20)].count("open\\n"), flush=True)
for child in children: os.kill(child, 9)
print({os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}, flush=True)
"""


# As above, with memory whose missing pages nobody fills: a name lies in it, or an answer is to.
ASKS_OF_FAULTS = """import ctypes, os, struct, sys, time
place, count, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
library = ctypes.CDLL(None, use_errno=True)
library.mmap.restype = ctypes.c_void_p
children = []
for _ in range(count):
    children.append(os.fork())
    if children[-1] == 0:
        # userfaultfd, UFFDIO_API and UFFDIO_REGISTER (linux/userfaultfd.h)
        faults = library.syscall(323, 0)
        page = library.mmap(None, 4096, 3, 0x22, -1, 0)
        if library.ioctl(faults, 0xC018AA3F, struct.pack("QQQ", 0xAA, 0, 0)) < 0: os._exit(9)
        if library.ioctl(faults, 0xC020AA00, struct.pack("QQQQ", page, 4096, 1, 0)) < 0: os._exit(9)
        if way == "name": library.open(ctypes.c_void_p(page), 0)
        else: library.syscall(4, (place + "/open/file").encode(), ctypes.c_void_p(page))
        time.sleep(1000)
time.sleep(.5)
print([open(place + "/open/file").read() for _ in range(20)].count("open\\n"), flush=True)
for child in children: os.kill(child, 9)
print({os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}, flush=True)
"""


def attributes(inode, kind, size):
    """struct fuse_attr"""
    return struct.pack("<6Q10I", inode, size, 0, 0, 0, 0, 0, 0, 0, kind | 0o755, 1, 0, 0, 0, 4096, 0)


class Stalling:
    """Mounts a directory in which every name that is looked up is waited for without end, but for `page`, in any case: a
    file that is there, and whose contents are."""

    def __init__(self, place, looks=None):
        """Where `looks` is given, so many questions for the attributes of `page` are answered, and the rest when
        `answer_looks` says so, whoever is interrupted meanwhile."""
        self.looks, self.late = looks, []
        self.place = str(place).encode()
        self.library = ctypes.CDLL(None, use_errno=True)
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if self.library.mount(b"stalling", self.place, b"fuse", 0, options) != 0:
            os.close(self.device)
            raise Skip(f"nothing can be mounted here: {os.strerror(ctypes.get_errno())}")
        self.asked = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 17)
            except OSError:
                return
            # struct fuse_in_header
            _, operation, unique, inode, *_ = struct.unpack_from("<IIQQIIII", request)
            if operation == LOOKUP and request[40:].lower().startswith(b"page\0"):
                # struct fuse_entry_out
                self.answer(unique, struct.pack("<QQQQII", 2, 0, 0, 0, 0, 0) + attributes(2, stat.S_IFREG, 4096))
            elif operation in (LOOKUP, READ):
                self.asked += 1
            elif operation == OPEN:
                self.answer(unique, bytes(16))
            elif operation == INTERRUPT:
                if self.looks is not None:
                    continue
                self.answer(struct.unpack_from("<Q", request, 40)[0], b"", -EINTR)
            elif operation == INIT:
                # struct fuse_init_out
                self.answer(unique, struct.pack("<IIIIHHIIHH32x", 7, 31, 0, PARALLEL, 64, 48, 1 << 16, 1, 0, 0))
            elif operation == GETATTR and inode == 2 and self.looks == 0:
                self.late.append(unique)
            elif operation == GETATTR:
                # struct fuse_attr_out: how long it is good for is 0 where each question counts.
                kind, size = (stat.S_IFREG, 4096) if inode == 2 else (stat.S_IFDIR, 0)
                self.answer(unique, struct.pack("<QII", self.looks is None, 0, 0) + attributes(inode, kind, size))
                self.looks = self.looks - 1 if inode == 2 and self.looks else self.looks
            elif operation != FORGET:
                self.answer(unique, b"", -ENOSYS)

    def answer_looks(self):
        self.looks = 1 << 20
        for unique in self.late:
            self.answer(unique, struct.pack("<QII", 1, 0, 0) + attributes(2, stat.S_IFREG, 4096))

    def answer(self, unique, data, error=0):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), error, unique) + data)
        except OSError:
            pass

    def end(self):
        # MNT_FORCE ends what waits.
        self.library.umount2(self.place, 1 | 2)
        os.close(self.device)


def stalled_case(suite, folder, user, count):
    outcomes = []
    for under in (False, True):
        place, policy = rights.arena(suite, folder, user, "  {arena}/open: ro\n  {arena}/stalled: ro\n")
        (place / "stalled").mkdir()
        files = Stalling(place / "stalled")
        try:
            command = ["sh", "-c", ASKS, "sh", place, str(count)]
            options = attacks.as_user(user)
            code, output, errors = (rights.under(suite, policy, command, **options) if under
                                    else rights.execute(suite, command, **options))
        finally:
            files.end()
        require(files.asked >= count, f"{files.asked} of {count} asked: {ending(code)} {short(output)} {errors[-300:]}")
        outcomes.append((code, output))
    require(outcomes[0] == (0, b"     20 open\nended 137\n"), f"bare {outcomes[0]}")
    require(outcomes[0] == outcomes[1], f"bare {outcomes[0]}, held {outcomes[1]}: {errors[-300:]}")


def page_case(suite, folder, user, count):
    """Whoever cannot be read waits alone."""
    outcomes = []
    for under in (False, True):
        place, policy = rights.arena(suite, folder, user, "  {arena}/open: ro\n  {arena}/stalled: ro\n")
        (place / "stalled").mkdir()
        files = Stalling(place / "stalled")
        command = ["/usr/bin/python3", "-S", "-c", ASKS_FROM_PAGE, place, str(count)]
        if under:
            command = [suite.tracer, "run", "--policy", policy, "--", *command]
        try:
            process = suite.start(command, **attacks.as_user(user))
            outcomes.append([process.stdout.readline(), process.stdout.readline()])
        finally:
            files.end()
        _, errors = process.communicate()
        outcomes[-1].append(process.returncode)
        require(files.asked, f"the page was not asked for: {outcomes[-1]} {short(errors)}")
    require(outcomes[0] == [b"20\n", b"{-9}\n", 0], f"bare {outcomes[0]}")
    require(outcomes[0] == outcomes[1], f"bare {outcomes[0]}, held {outcomes[1]}: {short(errors)}")


def fault_case(suite, folder, way, count):
    """Where userfaultfd is named, whoever uses it so waits alone."""
    outcomes = []
    for under in (False, True):
        place, policy = rights.arena(
            suite, folder, None, "  {arena}/open: ro\nclasses: {{event.create.userfault: allow}}\n")
        command = ["/usr/bin/python3", "-S", "-c", ASKS_OF_FAULTS, place, str(count), way]
        code, output, errors = (rights.under(suite, policy, command) if under else rights.execute(suite, command))
        outcomes.append((code, output))
    if outcomes[0][1] == b"20\n{9}\n":
        raise Skip("this kernel gives no userfaultfd that holds the kernel up")
    require(outcomes[0] == (0, b"20\n{-9}\n"), f"bare {outcomes[0]}")
    require(outcomes[0] == outcomes[1], f"bare {outcomes[0]}, held {outcomes[1]}: {errors[-300:]}")


# A child is to get attributes at a place in its memory.
LOOKS = """import ctypes, os, sys
library = ctypes.CDLL(None)
library.mmap.restype = ctypes.c_void_p
page = library.mmap(ctypes.c_void_p(0x20000000), 4096, 3, 0x32, -1, 0)
child = os.fork()
if child == 0:
    library.syscall(4, (sys.argv[1] + "/stalled/page").encode(), ctypes.c_void_p(page))
    os._exit(0)
print(child, flush=True)
os.waitpid(child, 0)
print("reaped", flush=True)
sys.stdin.readline()
"""
# Whoever has its number next has memory there too.
NEXT = """import ctypes, sys
library = ctypes.CDLL(None)
library.mmap.restype = ctypes.c_void_p
page = library.mmap(ctypes.c_void_p(0x20000000), 4096, 3, 0x32, -1, 0)
print("ready", flush=True)
sys.stdin.readline()
print(any(ctypes.string_at(page, 4096)))
"""


def next_with(number, command):
    """A process with this number, which others may take meanwhile."""
    for _ in range(100):
        with open("/proc/sys/kernel/ns_last_pid", "w") as last:
            last.write(str(number - 1))
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if process.pid == number:
            return process
        process.kill()
        process.communicate()
    raise Skip("others take the number")


def number_case(suite, folder, looks):
    """What is late for a caller that was killed does not come to whoever has its number by then."""
    place, policy = rights.arena(suite, folder, None, "  {arena}/stalled: ro\n")
    (place / "stalled").mkdir()
    files = Stalling(place / "stalled", looks)
    process = suite.start(
        [suite.tracer, "run", "--policy", policy, "--", "/usr/bin/python3", "-S", "-c", LOOKS, place],
        stdin=subprocess.PIPE)
    other = None
    try:
        child = int(process.stdout.readline())
        while not files.late:
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        require(process.stdout.readline() == b"reaped\n", "the child was not reaped")
        other = next_with(child, ["/usr/bin/python3", "-S", "-c", NEXT])
        require(other.stdout.readline() == b"ready\n", "the other one does not run")
        files.answer_looks()
        time.sleep(0.2)
        output, _ = other.communicate(b"\n")
        require(output == b"False\n", f"the other one got what the child had asked for: {output}")
    finally:
        files.end()
        if other:
            other.kill()
        _, errors = process.communicate(b"\n")
    require(process.returncode == 0, f"{ending(process.returncode)} {short(errors)}")


# More wait than abitrace may have threads; one goes on, and says how the others fared.
WAITERS = """import os
names = [f'pipe{n}' for n in range(60)]
ready, go = os.pipe()
children = []
for name in names:
    os.mkfifo(name)
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(ready, 1)
        try: os.open(name, os.O_RDONLY)
        except OSError as error: os._exit(error.errno)
        os._exit(0)
    children.append(child)
os.close(go)
for _ in range(200): os.close(os.open('file', os.O_RDONLY))
print('others go on', flush=True)
# Whoever is refused ends at once; on a slow machine it has not asked yet.
first, status = os.waitpid(-1, 0)
for name in names:
    try: os.close(os.open(name, os.O_WRONLY | os.O_NONBLOCK))
    except OSError: pass
children.remove(first)
for child in children: os.kill(child, 9)
print({os.waitstatus_to_exitcode(s) for s in [status] + [os.waitpid(child, 0)[1] for child in children]})
"""


def caseless_case(suite):
    """Where a name is the same in every case, an entry about one spelling is said to be no boundary."""
    place = suite.path(".caseless")
    (place / "stalled").mkdir(parents=True)
    policy = place / "policy.yaml"
    policy.write_text(SYSTEM + f"  {place}: ro\n  {place}/stalled/page: none\n")
    files = Stalling(place / "stalled")
    try:
        command = ["/usr/bin/stat", "-c", "%F", place / "stalled/page"]
        other = [*command[:-1], place / "stalled/PAGE"]
        outcomes = [suite.execute([suite.tracer, "run", *flags, "--policy", policy, "--", *each])
                    for flags, each in (([], command), ([], other), (["--strict"], other))]
    finally:
        files.end()
    outputs = [output for _, output, _ in outcomes]
    require(outputs == [b"", b"regular file\n", b""], f"{outputs} {[short(errors) for _, _, errors in outcomes]}")
    for _, _, errors in outcomes:
        require("are the same in every case" in errors, f"not said: {short(errors)}")


def exhausted_case(suite):
    """Where no thread can be made for those who wait, they are refused: nobody else is held up."""
    folder = suite.path(".dir")
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "file").write_text("x")
    policy = suite.path(".yaml")
    policy.write_text(SYSTEM + f"  {folder}: rw+create\n  {folder}/none: none\n")
    # RLIMIT_NPROC counts threads of the user's, and not root's (getrlimit(2)).
    command = ["prlimit", "--nproc=100", suite.tracer, "run", "--policy", policy, "--", "/usr/bin/python3", "-S", "-c", WAITERS]
    code, output, errors = suite.execute(command, cwd=folder, **attacks.as_user("nobody"))
    fared = output.decode().splitlines()
    require(code == 0 and fared[:1] == ["others go on"], f"{ending(code)} {short(output)} {short(errors)}")
    require("12" in fared[1], f"nobody was refused for want of a thread (ENOMEM): {fared[1]}")


# Each has called, and is remembered: more than abitrace may have descriptors for.
CALLERS = """import os
ready, told = os.pipe()
wait, go = os.pipe()
for _ in range(200):
    if os.fork() == 0:
        os.close(go)
        try: os.close(os.open('file', os.O_RDONLY))
        except OSError as error: os.write(told, b'!')
        os.write(told, b'.')
        os.read(wait, 1)
        os._exit(0)
print(sorted(os.read(ready, 1) for _ in range(200))[0], flush=True)
"""


def callers_case(suite):
    """However few descriptors abitrace may have, who calls now and then takes none from the others."""
    folder = suite.path(".dir")
    folder.mkdir()
    (folder / "file").write_text("x")
    policy = suite.path(".yaml")
    policy.write_text(SYSTEM + f"  {folder}: ro\n")
    few = ["prlimit", "--nofile=128"]
    for command in (few, [*few, suite.tracer, "run", "--policy", policy, "--"]):
        code, output, errors = suite.execute([*command, "/usr/bin/python3", "-S", "-c", CALLERS], cwd=folder)
        require((code, output) == (0, b"b'.'\n"), f"{ending(code)} {short(output)} {short(errors)}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("stalls") for prefix in suite.wanted):
        return
    folder = attacks.build(suite)
    with attacks.reachable(suite):
        if os.geteuid() == 0:
            suite.case("stalls/exhausted", exhausted_case)
            suite.case("stalls/caseless", caseless_case)
            for looks in (0, 1):
                suite.case(f"stalls/number/{looks}", number_case, folder, looks)
            for way in ("name", "answer"):
                for count in (1, 30):
                    suite.case(f"stalls/fault/{way}/{count}", fault_case, folder, way, count)
        suite.case("stalls/callers", callers_case)
        for user in (None, "nobody") if os.geteuid() == 0 else ():
            for count in (1, 30):
                suite.case(f"stalls/names/{count}/{user or 'root'}", stalled_case, folder, user, count)
                suite.case(f"stalls/page/{count}/{user or 'root'}", page_case, folder, user, count)
