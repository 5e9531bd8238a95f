# The eBPF interceptor: the same run watched by ptrace too, losses that are told, nothing left behind, clear refusals.

import ctypes
import errno
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from attacks import reachable
from harness import HERE, PROGRAMS, Skip, by_thread, ending, need, require, short

# Programs that end by themselves, and whose calls are compared one by one.
WITNESSED = sorted(source.stem for source in PROGRAMS.glob("*.c") if source.stem not in {"garbage"})


def need_ebpf():
    if os.geteuid() != 0:
        raise Skip("eBPF programs are for root")
    if not Path("/sys/kernel/btf/vmlinux").exists():
        raise Skip("the kernel has no BTF")


def differences(kind):
    """Rows of one kind in the list of differences: what they are about, and why."""
    rows = []
    for number, line in enumerate((HERE / "ebpf-differences.txt").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        columns = line.split("\t")
        require(len(columns) == 3 and columns[2], f"ebpf-differences.txt:{number} wants kind, subject, reason")
        if columns[0] == kind:
            rows.append((columns[1], columns[2]))
    return rows


def programs_in_kernel():
    """How many eBPF programs the kernel has."""
    libc = ctypes.CDLL(None, use_errno=True)
    count, number = 0, 0
    while True:
        request = (ctypes.c_uint32 * 16)(number)
        # bpf(BPF_PROG_GET_NEXT_ID): the next id is answered in the second word.
        if libc.syscall(321, 11, request, ctypes.sizeof(request)) < 0:
            require(ctypes.get_errno() == errno.ENOENT, f"bpf: {os.strerror(ctypes.get_errno())}")
            return count
        number, count = request[1], count + 1


def settled_programs():
    """How many there are once those of an earlier case are gone."""
    counts = [programs_in_kernel()]
    while len(counts) < 10 or len(set(counts[-10:])) > 1:
        time.sleep(0.05)
        counts.append(programs_in_kernel())
    return counts[-1]


def wait_for_programs(count):
    """The kernel frees a program some time after its last user."""
    deadline = time.monotonic() + 10
    while programs_in_kernel() > count and time.monotonic() < deadline:
        time.sleep(0.05)
    require(programs_in_kernel() <= count, "a program stays in the kernel")


def witness_case(suite, name):
    need_ebpf()
    _, _, errors = suite.execute(
        [suite.tracer, "--interceptor=both", "-y", "-o", suite.path(".trace"), "--", *suite.program(name)])
    told = re.search(r"ptrace and eBPF saw (\d+) calls", errors)
    require(told, f"no testimony: {short(errors)}")
    require(int(told[1]) > 0, "no call was compared")
    allowed = [re.compile(subject) for subject, _ in differences("witness")]
    found = re.findall(r"abitrace: (.*) \(\d+ times\)", errors)
    new = [difference for difference in found if not any(pattern.search(difference) for pattern in allowed)]
    require(not new, f"the two disagree: {' | '.join(new[:6])}")


def witness_recorded_case(suite):
    """What recordings keep besides: directories, roots, sockets, and what descriptors of all kinds stand for."""
    need_ebpf()
    program = (
        "import os, select, socket, subprocess, tempfile\n"
        "one, other = socket.socketpair(); pipe = os.pipe()\n"
        "for family, place in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):\n"
        "    server = socket.socket(family); server.bind((place, 0)); server.listen()\n"
        "    client = socket.create_connection(server.getsockname()[:2]); end, _ = server.accept()\n"
        "folder = tempfile.mkdtemp(); os.chdir(folder); here = os.open('.', 0)\n"
        "local = socket.socket(socket.AF_UNIX); local.bind('end'); local.listen()\n"
        "friend = socket.socket(socket.AF_UNIX); friend.connect('end'); taken, _ = local.accept()\n"
        "netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); netlink.bind((0, 1))\n"
        "socket.send_fds(one, [b'x'], [0, here, pipe[0]]); socket.recv_fds(other, 10, 10)\n"
        "os.memfd_create('some'); os.pidfd_open(os.getpid()); select.epoll(); os.eventfd(0)\n"
        "os.open('/proc/self/ns/net', 0); made = os.open('made', os.O_CREAT | os.O_RDWR); os.unlink('made')\n"
        "os.dup(made); os.open(f'/proc/self/fd/{made}', 0); os.fchdir(here); os.unlink('end')\n"
        "os.chdir('/'); os.rmdir(folder); subprocess.run(['sh', '-c', 'cd /usr/lib; exec 7</etc/passwd; ls -l . >&2'])\n"
        "os.chroot('/usr'); os.chdir('/'); os.open('bin', 0)\n")
    code, _, errors = suite.execute(
        [suite.tracer, "record", "--interceptor=both", "-o", suite.path(".mcap"), "--", "/usr/bin/python3", "-c", program])
    told = re.search(r"ptrace and eBPF saw (\d+) calls", errors)
    require(told and int(told[1]) > 300, f"no testimony: {ending(code)} {short(errors)}")
    allowed = [re.compile(subject) for subject, _ in differences("witness")]
    found = re.findall(r"abitrace: (.*) \(\d+ times\)", errors)
    new = [difference for difference in found if not any(pattern.search(difference) for pattern in allowed)]
    require(not new, f"the two disagree: {' | '.join(new[:6])}")


def waiting_case(suite):
    """A call that waits is shown before it returns, whether it passes memory or not."""
    need_ebpf()
    trace = suite.path(".trace")
    program = "import os, signal; os.read(0, 10); os.waitpid(-1, 0) if os.fork() else os.read(0, 10)"
    tracer = suite.start([suite.tracer, "--interceptor=ebpf", "-o", trace, "--", "/usr/bin/python3", "-c", program],
                         stdin=subprocess.PIPE)
    for text in ("read(0, ", "wait4(-1, "):
        deadline = time.monotonic() + 20
        while (not trace.exists() or text not in trace.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        require(text in trace.read_text(), f"{text} is not shown while it waits: {trace.read_text()[-200:]}")
        tracer.stdin.write(b"x")
        tracer.stdin.flush()
    tracer.communicate()
    require(tracer.returncode == 0, ending(tracer.returncode))


def lost_case(suite):
    """A reader that does not read for a while: what does not fit is counted, and told three times."""
    need_ebpf()
    trace = suite.path(".trace")
    calls = 60000
    code, _, errors = suite.execute(
        [suite.tracer, "--interceptor=ebpf", "--ring", "1", "-C", "-o", f"|sleep 3; cat > {trace}", "--",
         suite.folder / "programs" / "getppid_loop", calls])
    require(code == 0, f"{ending(code)} {short(errors)}")
    told = re.search(r"(\d+) calls were lost: ", errors)
    require(told, f"standard error says nothing of a loss: {short(errors)}")
    text = trace.read_text()
    in_lines = sum(int(number) for number in re.findall(r"\+\+\+ (\d+) calls lost \+\+\+", text))
    require(in_lines == int(told[1]), f"{told[1]} calls were lost, the lines tell of {in_lines}")
    require(f"{told[1]} calls were lost and are not counted" in text, "the summary says nothing of the loss")
    seen = text.count("getppid()")
    others = len(re.findall(r"^\d+ +(?!getppid)\w+\(", text, re.M))
    require(seen + in_lines >= calls, f"of {calls} calls {seen} are there and {in_lines} are said to be lost")
    require(seen + in_lines <= calls + 40, f"{seen} calls and {in_lines} lost ones are more than {calls} and {others}")


def counted_case(suite, interceptor, calls, *options):
    """How many calls of the two processes are shown with their ends, how many are said to be lost, and the seconds."""
    program = suite.folder / "programs" / "two_loops"
    trace = suite.path(".trace")
    begin = time.monotonic()
    code, _, errors = suite.execute(
        [suite.tracer, f"--interceptor={interceptor}", *options, "-o", trace, "--", program, calls])
    seconds = time.monotonic() - begin
    require(code == 0, f"{ending(code)} {short(errors)}")
    told = re.search(r"(\d+) calls were lost: ", errors)
    with open(trace, errors="replace") as lines:
        # One that was seen when it was made, and whose return was lost, is among the lost; exit_group has no return.
        seen = sum(re.search(r" = [^?]|exit_group\(.* = \?", line) is not None for line in lines)
    return seen, int(told[1]) if told else 0, seconds


def all_accounted_case(suite):
    """Two processes make calls as fast as they can, into a ring that is far too small: what is counted and what is said
    to be lost is what was made, to the call."""
    need_ebpf()
    few, calls = 10, 1000000
    others, _, _ = counted_case(suite, "ptrace", few)
    seen, lost, seconds = counted_case(suite, "ebpf", calls, "--ring", "1")
    made = others + 2 * (calls - few)
    require(seen + lost == made, f"{made} calls were made, {seen} are counted and {lost} lost: {made - seen - lost} missing")
    print(f"ebpf/all_accounted: {made / seconds / 1e6:.1f} million calls a second, {lost} of {made} lost", flush=True)


def none_lost_case(suite):
    """With a ring as it comes nothing is lost where the machine has time to read."""
    need_ebpf()
    calls = 200000
    recording = suite.path(".mcap")
    code, _, errors = suite.execute(
        [suite.tracer, "record", "--interceptor=ebpf", "-o", recording, "--", suite.folder / "programs" / "two_loops",
         calls])
    require(code == 0, f"{ending(code)} {short(errors)}")
    told = re.search(r"(\d+) calls were lost: ", errors)
    code, output, errors = suite.execute([suite.tracer, "show", "-e", "getppid", recording])
    require(code == 0, f"show: {ending(code)} {short(errors)}")
    seen = len(re.findall(rb"(?m)getppid\(\) += \d+$", output))
    if told:
        require(2 * calls - int(told[1]) <= seen < 2 * calls, f"{seen} calls are recorded, {told[1]} are said to be lost")
        raise Skip(f"this machine lost {told[1]} of {2 * calls} calls, and said so")
    require(seen == 2 * calls, f"of {2 * calls} calls {seen} are recorded, and none is said to be lost")


def lost_in_recording_case(suite):
    need_ebpf()
    pipe = suite.path(".pipe")
    os.mkfifo(pipe)
    recording = suite.path(".mcap")
    # The recording goes to a pipe that nobody reads for a while.
    copier = suite.start(["sh", "-c", f"exec 3<{pipe}; sleep 4; cat <&3 > {recording}"])
    recorder = suite.start(
        ["sh", "-c", f'"$@" > {pipe}', "-", suite.tracer, "record", "--interceptor=ebpf", "--ring", "1", "-o", "-", "--",
         "sh", "-c", f"{suite.folder}/programs/getppid_loop 3000000 > /dev/null"])
    _, errors = recorder.communicate()
    copier.communicate()
    told = re.search(r"(\d+) calls were lost: ", errors.decode(errors="replace"))
    if not told:
        raise Skip("this machine kept 3 million calls in the time")
    code, output, errors = suite.execute([suite.tracer, "show", recording])
    require(code == 0, f"show: {ending(code)} {short(errors)}")
    in_lines = sum(int(number) for number in re.findall(rb"\+\+\+ (\d+) calls lost \+\+\+", output))
    require(in_lines == int(told[1]), f"{told[1]} calls were lost, the recording tells of {in_lines}")


def no_waits_case(suite):
    """Children are told of by the kernel: the supervisor waits out no time for any of them."""
    need_ebpf()
    (log, forks) = (suite.path(".strace"), 100)
    code, _, errors = suite.execute(
        ["strace", "-o", log, "-e", "trace=ppoll,poll,epoll_wait,epoll_pwait,nanosleep,clock_nanosleep,wait4", "--",
         suite.tracer, "record", "--interceptor=ebpf", "-o", suite.path(".mcap"), "--",
         suite.folder / "programs" / "fork_storm", forks])
    require(code == 0, f"{ending(code)} {short(errors)}")
    lines = log.read_text(errors="replace").splitlines()
    require(sum(line.startswith("wait4(") for line in lines) >= forks, "the children were not seen")
    waits = [line for line in lines if "Timeout" in line or "nanosleep(" in line]
    require(len(waits) < forks // 10, f"{len(waits)} waits ran out for {forks} children: {waits[:1]}")


def nothing_left_case(suite):
    need_ebpf()
    before = settled_programs()
    code, _, errors = suite.execute(
        [suite.tracer, "--interceptor=ebpf", "-o", suite.path(".trace"), "--", "true"])
    require(code == 0, f"{ending(code)} {short(errors)}")
    wait_for_programs(before)


def killed_case(suite):
    """A killed supervisor leaves neither the program nor anything in the kernel."""
    need_ebpf()
    before = settled_programs()
    loop = [suite.folder / "programs" / "getppid_loop", "2000000000"]
    supervisor = suite.start(
        [suite.tracer, "record", "--interceptor=ebpf", "-o", suite.path(".mcap"), "--", "sh", "-c",
         f"{loop[0]} {loop[1]} & {loop[0]} {loop[1]}"])
    deadline = time.monotonic() + 20
    while len(suite.strays()) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    require(len(suite.strays()) >= 4, "the programs do not run")
    require(programs_in_kernel() > before, "no program in the kernel")
    supervisor.kill()
    supervisor.wait()
    deadline = time.monotonic() + 10
    while (suite.strays() or programs_in_kernel() > before) and time.monotonic() < deadline:
        time.sleep(0.05)
    require(not suite.strays(), f"processes outlived the supervisor: {suite.strays()}")
    require(programs_in_kernel() == before, "a program outlived the supervisor in the kernel")


def let_go_case(suite):
    """Attached processes run on after ^C, unwatched."""
    need_ebpf()
    before = settled_programs()
    target = suite.start([suite.folder / "programs" / "getppid_loop", "2000000000"])
    trace = suite.path(".trace")
    tracer = suite.start([suite.tracer, "--interceptor=ebpf", "-p", target.pid, "-o", trace])
    deadline = time.monotonic() + 20
    while (not trace.exists() or b"getppid()" not in trace.read_bytes()[:100000]) and time.monotonic() < deadline:
        time.sleep(0.1)
    tracer.send_signal(signal.SIGINT)
    tracer.communicate()
    require(tracer.returncode == 0, ending(tracer.returncode))
    require(target.poll() is None, "the process did not survive the tracer")
    require("TracerPid:\t0" in Path(f"/proc/{target.pid}/status").read_text(), "the process is still traced")
    wait_for_programs(before)
    target.kill()
    target.communicate()
    require("getppid()" in trace.read_text(), "no getppid in the trace")


def not_root_case(suite):
    need_ebpf()
    need("setpriv")
    with reachable(suite):
        code, output, errors = suite.execute(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", suite.tracer, "--interceptor=ebpf", "--",
             "echo", "x"])
    require(code == 1, f"{ending(code)} {short(errors)}")
    require(output == b"", "the program ran unwatched")
    require("eBPF" in errors and "root" in errors, f"the message does not say what to do: {short(errors)}")


def automatic_case(suite):
    need_ebpf()
    _, _, errors = suite.execute([suite.tracer, "--interceptor=auto", "-c", "--", "true"])
    require("seen through eBPF" in errors, f"the summary does not say how calls were seen: {short(errors)}")
    _, _, errors = suite.execute([suite.tracer, "--interceptor=auto", "-c", "-y", "--", "true"])
    require("seen through eBPF" in errors, "-y is not seen through eBPF")
    _, _, errors = suite.execute([suite.tracer, "--interceptor=auto", "-c", "-v", "--", "true"])
    require("seen through eBPF" not in errors, "long lists need threads that stand still")
    recording = suite.path(".mcap")
    _, _, errors = suite.execute([suite.tracer, "record", "--interceptor=auto", "-o", recording, "--", "true"])
    require("through eBPF" in errors and "links" in errors, f"not said what the recording lacks: {short(errors)}")


def held_calls(suite, interceptor, policy, command, *selection):
    """The calls of a command that is held to a policy and recorded."""
    recording = suite.path(".mcap")
    code, _, errors = suite.execute(
        [suite.tracer, "run", f"--interceptor={interceptor}", "--policy", policy, "-o", recording, "--", *command])
    require(code == 0, f"{interceptor}: {ending(code)} {short(errors)}")
    _, output, _ = suite.execute([suite.tracer, "show", "--json", *selection, recording])
    return [call for call in map(json.loads, output.splitlines()) if call["event"] == "call"]


def policy_case(suite):
    """Held to a policy and recorded: the same calls with the same decisions as with stops."""
    need_ebpf()
    program = "import socket, os; os.listdir('/'); os.system('true')\ntry: socket.socket()\nexcept OSError: pass"
    stops, tells = (
        sorted((call["call"], decision["verdict"], decision["enforcement"])
               for call in held_calls(suite, interceptor, "no-network", ["/usr/bin/python3", "-c", program])
               for decision in call.get("decisions", []))
        for interceptor in ("ptrace", "ebpf"))
    require(stops, "nothing was decided")
    require(any(verdict == "deny" for _, verdict, _ in stops), "nothing was refused")
    require(stops == tells, f"{len(stops)} decisions with ptrace, {len(tells)} with eBPF")


def decided_calls_case(suite):
    """Calls whose registers are the same have each its own decision, and a duration as with stops."""
    need_ebpf()
    found = {}
    for interceptor in ("ptrace", "ebpf"):
        calls = held_calls(suite, interceptor, "build", [suite.folder / "programs" / "same_registers"], "-e", "openat")
        found[interceptor] = [(call["items"]["path"], call.get("errno"), [each["verdict"] for each in call.get("decisions", [])])
                              for call in calls]
        waited = sum(call["duration"] > 0 for call in calls)
        require(waited > len(calls) * 9 // 10, f"{interceptor}: of {len(calls)} calls {waited} have a duration")
    require(len(found["ptrace"]) >= 100, f"{len(found['ptrace'])} opens")
    for one, other in zip(found["ptrace"], found["ebpf"]):
        require(one == other, f"with ptrace {one}, with eBPF {other}")


def between_calls_case(suite):
    """What a thread computes between two calls from one place is no part of the second, although it stood still for a
    signal on its way back from the first."""
    need_ebpf()
    computed = 200_000_000
    calls = held_calls(suite, "ebpf", "build", [suite.folder / "programs" / "signals_between"], "-e", "kill")
    durations = [call["duration"] for call in calls]
    require(len(durations) == 5, f"{len(durations)} calls")
    require(min(durations[1:]) < computed // 2, f"each took as long as what was computed before it: {durations}")


def chosen_case(suite):
    """What is recorded under a policy is seen through eBPF without being asked for, where it can be had."""
    need_ebpf()
    said = "recorded through eBPF"
    held = [suite.tracer, "run", "--policy", "no-network"]
    recorded = [*held, "-o", suite.path(".mcap")]
    less = ["setpriv", "--bounding-set=-bpf,-sys_admin"]
    for command, wanted in ((recorded, True), (held, False), ([*recorded, "--interceptor=ptrace"], False),
                            ([*less, *recorded], False)):
        code, _, errors = suite.execute([*command, "--", "true"])
        require(code == 0, f"{command}: {ending(code)} {short(errors)}")
        require((said in errors) == wanted, f"{command}: it {'does not say' if wanted else 'says'} {said}")
    # A kernel that takes some programs, and not this one.
    need("strace")
    code, output, errors = suite.execute(
        ["strace", "-o", suite.path(".strace"), "-e", "trace=bpf", "-e", "inject=bpf:error=EINVAL:when=30+", *recorded, "--",
         "echo", "ran"])
    require((code, output.decode()) == (0, "ran\n"), f"{ending(code)} {short(errors)}")
    require("calls stop instead (ptrace)" in errors, f"it is not said that calls stop: {short(errors)}")


def refused_start_case(suite):
    """A policy that refuses the program's own exec: the recording has that call."""
    need_ebpf()
    policy = suite.path(".yaml")
    policy.write_text("abitrace: policy/1\nname: p\npromises: [stdio, rpath]\n")
    for interceptor in ("ptrace", "ebpf"):
        recording = suite.path(".mcap")
        code, _, _ = suite.execute(
            [suite.tracer, "run", f"--interceptor={interceptor}", "--policy", policy, "-o", recording, "--", "true"])
        require(code == 126, f"{interceptor}: {ending(code)}")
        _, output, _ = suite.execute([suite.tracer, "show", recording])
        lines = output.decode().splitlines()
        require(len(lines) >= 1 and lines[0].startswith("execve(\"") and "DENIED" in lines[0],
                f"{interceptor}: the recording has {short(output)}")


def blocked_case(suite):
    """A call that a thread dies in has no return, and is there."""
    need_ebpf()
    _, _, _, text = suite.traced(["timeout", "-s", "KILL", "0.5", "sleep", "60"], "--interceptor=ebpf")
    require(re.search(r"nanosleep\(.* = \?$", text, re.M) or "nanosleep(" in text, f"no nanosleep: {text[-300:]}")
    for lines in by_thread(text).values():
        require(lines[-1].startswith("+++ "), f"a thread ends with: {lines[-1][:120]}")


def run(suite):
    for name in WITNESSED:
        suite.case(f"ebpf/witness/{name}", witness_case, name)
    suite.case("ebpf/witness_recorded", witness_recorded_case)
    suite.case("ebpf/waiting", waiting_case)
    suite.case("ebpf/lost", lost_case)
    suite.case("ebpf/all_accounted", all_accounted_case)
    suite.case("ebpf/none_lost", none_lost_case)
    suite.case("ebpf/lost_in_recording", lost_in_recording_case)
    suite.case("ebpf/no_waits", no_waits_case)
    suite.case("ebpf/nothing_left", nothing_left_case)
    suite.case("ebpf/killed", killed_case)
    suite.case("ebpf/let_go", let_go_case)
    suite.case("ebpf/not_root", not_root_case)
    suite.case("ebpf/automatic", automatic_case)
    suite.case("ebpf/blocked", blocked_case)
    suite.case("ebpf/policy", policy_case)
    suite.case("ebpf/decided_calls", decided_calls_case)
    suite.case("ebpf/between_calls", between_calls_case)
    suite.case("ebpf/chosen", chosen_case)
    suite.case("ebpf/refused_start", refused_start_case)
