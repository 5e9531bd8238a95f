# The command line: strace's options against strace itself, remarks, summaries, bad input and where output goes.

import difflib
import os
import re
import shutil
import signal
import subprocess
import time

from harness import Failure, Skip, ending, need, require, short

# Options whose text must equal strace's, with the program that they are tried on. {out} is a file that is compared too.
LIKE_STRACE = [
    ("plain", [], "files"),
    ("quiet", ["-q", "-e", "trace=getppid,getpid"], "int80"),
    ("personality", ["-e", "trace=getppid,getpid"], "int80"),
    ("quiet_personality", ["-e", "quiet=personality", "-e", "trace=getppid,getpid"], "int80"),
    ("quieter", ["-qq", "-e", "trace=none"], "exit_code"),
    ("quiet_long", ["--quiet=exit", "-e", "trace=none"], "exit_code"),
    ("superseded", ["-f", "-q", "-e", "trace=none"], "exec_from_thread"),
    ("superseded_quiet", ["-f", "-qqq", "-e", "trace=none"], "exec_from_thread"),
    ("signals", ["-e", "trace=rt_sigreturn,read,pipe,rt_sigaction"], "signals"),
    ("no_signals", ["-e", "signal=none", "-e", "trace=rt_sigreturn"], "signals"),
    ("status_failed", ["-e", "status=failed"], "files"),
    ("status_unfinished", ["-e", "status=unfinished"], "files"),
    ("status_not_failed", ["--status=!failed", "-e", "trace=%file,exit_group"], "files"),
    ("status_none", ["-e", "status=none"], "exit_code"),
    ("classes", ["-e", "trace=%process,%signal,%ipc,%creds,%clock"], "files"),
    ("successful", ["-z"], "files"),
    ("failed", ["-Z"], "files"),
    ("dump_write", ["-e", "trace=write", "-e", "write=1"], "exit_code"),
    ("dump_read", ["-e", "trace=read,pread64", "-e", "read=all", "-s", "5"], "files"),
    ("raw", ["-e", "trace=%file,read", "-e", "raw=openat"], "files"),
    ("not_verbose", ["-e", "trace=execve,newfstatat", "-e", "verbose=none"], "files"),
    ("environment", ["-v", "-e", "trace=execve"], "files"),
    ("not_abbreviated", ["-e", "trace=execve", "--abbrev=!execve"], "files"),
    ("hexadecimal_escapes", ["--strings-in-hex=non-ascii-chars", "-e", "trace=read"], "files"),
    ("hexadecimal", ["--strings-in-hex", "-e", "trace=openat"], "files"),
    ("not_hexadecimal", ["--strings-in-hex=none", "-e", "trace=openat"], "files"),
    ("short_lists", ["-s", "2", "-e", "trace=setgroups,prctl,ioctl"], "edges"),
    ("number_and_place", ["-n", "-i", "-e", "trace=getppid"], "getppid_loop"),
    ("relative", ["-r", "-e", "trace=getppid"], "getppid_loop"),
    ("relative_and_clock", ["-r", "-tt", "-e", "trace=getppid"], "getppid_loop"),
    ("precision", ["--relative-timestamps=ms", "--syscall-times=ns", "-e", "trace=getppid"], "getppid_loop"),
    ("clock", ["--absolute-timestamps=format:unix,precision:ms", "-e", "trace=getppid"], "getppid_loop"),
    ("column", ["-a", "20", "-e", "trace=getppid"], "getppid_loop"),
    ("path", ["-P", "{link}", "-e", "trace=!execve"], "cat {link}"),
    ("file", ["-f", "-o", "{out}", "-e", "trace=wait4,exit_group"], "fork_wait"),
    ("hidden_injection", ["-e", "trace=getppid", "-e", "inject=openat:error=ENOENT"], "files"),
    ("path_injection", ["-P", "{link}", "-e", "inject=openat:error=EACCES", "-e", "trace=openat"], "cat {link}"),
    ("device_numbers", ["-e", "decode-fds=dev", "-e", "trace=openat,read"], "cat /dev/null"),
    ("sockets_alone", ["-e", "decode-fds=socket", "-e", "trace=openat,read"], "cat /dev/null"),
    ("killed_waiting", ["-e", "trace=read"], "killed_waiting"),
    ("threads_apart", ["-ff", "-o", "{out}", "-e", "trace=exit"], "threads"),
]


def joined(lines):
    """Whether a call waits long enough for another's line to come between is the scheduler's: its halves as one."""
    begun = {}
    whole = []
    for line in lines:
        process = re.match(r"(?:\[pid +)?(\d+)|", line)[1]
        if end := re.match(r"(.*)<\.\.\. \w+ resumed>(.*)", line):
            line = begun.pop(process, end[1]) + end[2]
        elif line.endswith(" <unfinished ...>"):
            begun[process] = line.removesuffix(" <unfinished ...>")
            continue
        whole.append(line)
    return whole + list(begun.values())


def normalised(text):
    """Text without what differs from run to run. Widths stay, so that columns are compared."""
    lines = []
    for line in joined(text.splitlines()):
        line = re.sub(r"^\S*(strace|abitrace): ", "TRACER: ", line)
        line = re.sub(r"\[[0-9a-f]{16}\]", "[PLACE]", line)
        line = re.sub(r"0x[0-9a-f]{5,16}\b", "0xADDRESS", line)
        line = re.sub(r"^getrandom\(\"[^\"]*\"", 'getrandom("RANDOM"', line)
        # Process ids, where they stand: one of three digits on a machine that has just started is as good as any.
        line = re.sub(r"((?:get(?:p?p|t)id|set_tid_address|wait4)\(.*\) *= )\d+", r"\1PID", line)
        line = re.sub(r"(?<=pid=)\d+|(?<=PID=)\d+|(?<= in pid )\d+|(?<=wait4\()\d+|(?<=^\[pid )[ \d]+", "PID", line)
        line = re.sub(r"(?<=sigqueueinfo\()\d+(, \d+(?=, \d+ ?[,/]))?", "PIDS", line)
        line = re.sub(r"^\d+ +(?=\S)", "PID ", line)
        line = re.sub(r"\d+(?=\.\d)", "N", line)
        line = re.sub(r"(?<=N\.)\d+", lambda match: "N" * len(match[0]), line)
        line = re.sub(r"\d\d:\d\d:\d\d|\d\d:\d\d:N", "CLOCK", line)
        line = re.sub(r" +N\.", " N.", line)
        line = re.sub(r"\b\d{4,7}\b", lambda match: "P" * len(match[0]), line)
        lines.append(re.sub(r" +=", " =", line) if "ADDRESS" in line else line)
    return lines


def run_with(suite, tracer, options, program):
    link, out = suite.folder / "link", suite.path(".out")
    if not link.exists():
        link.symlink_to("/etc/hostname")
    places = {"link": link, "out": out}
    words = [word.format(**places) for word in program.split()]
    command = words if words[0] == "cat" else suite.program(program)
    flags = [option.format(**places) for option in options]
    code, _, errors = suite.execute([tracer, *flags, *command])
    files = sorted(suite.folder.glob(out.name + "*"), key=lambda file: file.stat().st_mtime_ns)
    return code, errors + "".join(sorted(file.read_text(errors="replace") for file in files))


def like_strace_case(suite, options, program):
    need("strace")
    expected_code, expected = run_with(suite, shutil.which("strace"), options, program)
    code, text = run_with(suite, suite.tracer, options, program)
    require(code == expected_code, f"strace {ending(expected_code)}, abitrace {ending(code)}: {short(text)}")
    require(expected.strip() or "trace=none" in options, "strace printed nothing: the case compares nothing")
    differing = [
        line for line in difflib.ndiff(normalised(expected), normalised(text)) if line[0] in "-+"]
    require(not differing, f"{len(differing)} lines differ (- strace, + abitrace): {' | '.join(differing[:4])[:400]}")


def summary_case(suite, options):
    """The table has strace's form and, but for the times, its content."""
    need("strace")
    tables = []
    for tracer in (shutil.which("strace"), suite.tracer):
        code, _, errors = suite.execute([tracer, "-c", "-S", "name", *options, *suite.program("files")])
        require(code == 0, f"{ending(code)}: {short(errors)}")
        errors = re.sub(r"(?m)^abitrace: clock reads .*\n", "", errors)
        tables.append([re.sub(r" *\b\d+\.\d+|(?<=N) +\d+ (?= *\d)", " N", line) for line in errors.splitlines()])
    differing = [line for line in difflib.ndiff(*map(without_times, tables)) if line[0] in "-+"]
    require(not differing, f"tables differ (- strace, + abitrace): {' | '.join(differing[:4])[:400]}")


def without_times(lines):
    """Rows without the columns of time; the total of usecs/call goes too."""
    return [re.sub(r"^( N)+ +\d+ ", "N ", line) if line.startswith(" N") else line for line in lines]


def attach_remarks_case(suite):
    target = suite.start(["sleep", "100"])
    for flags, expected in (([], True), (["-q"], False), (["--quiet=attach"], False)):
        tracer = suite.start([suite.tracer, *flags, "-p", target.pid])
        time.sleep(0.7)
        tracer.send_signal(signal.SIGINT)
        _, errors = tracer.communicate()
        require(tracer.returncode == 0, f"{flags}: {ending(tracer.returncode)} {short(errors)}")
        for word in (b"attached", b"detached"):
            remark = b"abitrace: Process %d %s\n" % (target.pid, word)
            require((remark in errors) == expected, f"{flags}: '{word.decode()}' in {short(errors)}")
        require(b" <detached ...>\n" in errors, f"{flags}: no '<detached ...>' in {short(errors)}")
    target.kill()
    target.communicate()


def child_remarks_case(suite):
    command = suite.program("fork_wait")
    _, _, errors = suite.execute([suite.tracer, "-e", "trace=none", *command])
    require(re.search(r"^abitrace: Process \d+ attached$", errors, re.M), f"no remark on the child: {short(errors)}")
    _, _, errors = suite.execute([suite.tracer, "-q", "-e", "trace=none", *command])
    require("attached" not in errors, f"-q: {short(errors)}")
    _, _, errors = suite.execute([suite.tracer, "-o", suite.path(".trace"), *command])
    require(errors == "", f"-o: {short(errors)}")


def unfollowed_case(suite):
    """Without -f strace watches the first process alone, as --no-follow-forks does: a child may be traced by others."""
    need("strace")
    command = suite.program("ptraced_by_other")
    texts = []
    for tracer, flags in ((shutil.which("strace"), []), (suite.tracer, ["--no-follow-forks"])):
        out = suite.path(".trace")
        code, output, errors = suite.execute([tracer, *flags, "-e", "trace=wait4,ptrace", "-o", out, *command])
        require((code, output) == (0, b"errno 0\n"), f"{ending(code)} printed '{short(output)}' {short(errors)}")
        texts.append(re.sub(r"\d{2,}", "N", out.read_text()))
    require(texts[0] == texts[1], f"strace: {texts[0]} abitrace: {texts[1]}")
    _, output, _ = suite.execute([suite.tracer, "-o", suite.path(".trace"), *command])
    require(output == b"errno 1\n", f"followed, the child was traced by another: {short(output)}")
    # A child that asks to be traced with its parent is let go, not shown.
    out = suite.path(".trace")
    code, output, errors = suite.execute(
        [suite.tracer, "--no-follow-forks", "-e", "trace=wait4", "-o", out, *suite.program("clone_ptrace")])
    require((code, output) == (0, b"killed by 15\n"), f"{ending(code)} printed '{short(output)}' {short(errors)}")
    require("wait4(" in out.read_text() and "killed by SIGTERM" not in out.read_text(), f"{short(out.read_text())}")


def process_ids_case(suite, flags, command):
    """What strace says beside process ids: names of commands, and the ids outside their namespace."""
    need("strace")
    need("unshare")
    if os.geteuid():
        raise Skip("a namespace of processes needs root")
    texts = []
    for tracer in (shutil.which("strace"), suite.tracer):
        out = suite.path(".trace")
        code, _, errors = suite.execute([tracer, "-f", *flags, "-o", out, *command])
        require(code == 0, f"{ending(code)}: {short(errors)}")
        # Whether a process took a clock tick is another matter each time.
        text = re.sub(r"si_([us])time=\d+( /\*.*?\*/)?", r"si_\1time=T", out.read_text())
        texts.append(re.sub(r"\d{2,}", "N", text))
    require("N in strace's PID NS" in texts[0] or "N<" in texts[0], f"strace said nothing: {texts[0]}")
    require(texts[0] == texts[1], f"strace: {texts[0]} abitrace: {texts[1]}")


def foreign_table_case(suite):
    """With another namespace's /proc memory is read all the same, of the right process; what needs /proc is refused."""
    need("unshare")
    if os.geteuid():
        raise Skip("a namespace of processes needs root")
    inside = ["unshare", "-fp", suite.tracer]
    command = suite.program("files")
    code, _, errors = suite.execute([*inside, "-e", "trace=openat", *command])
    require(code == 0, f"{ending(code)}: {short(errors)}")
    _, _, expected = suite.execute([suite.tracer, "-e", "trace=openat", *command])
    require(errors == expected and '"' in errors, f"in a namespace {short(errors)}, outside {short(expected)}")
    for options in (["-y"], ["-o", suite.path(".mcap")]):
        code, _, errors = suite.execute([*inside, *options, *command])
        require(code != 0 and "--mount-proc" in errors, f"{options}: {ending(code)} {short(errors)}")
        code, _, errors = suite.execute(["unshare", "-fp", "--mount-proc", suite.tracer, *options, *command])
        require(code == 0, f"{options} with a /proc of its own: {ending(code)} {short(errors)}")


def detach_on_exec_case(suite):
    code, output, errors, text = suite.traced(["sh", "-c", "/bin/echo one; exit 5"], "-b", "execve")
    require((code, output) == (5, b"one\n"), f"{ending(code)} printed '{short(output)}' {short(errors)}")
    require('execve("/bin/echo"' in text and 'write(1, "one' not in text, "echo was watched beyond its exec")


def daemon_case(suite, flag):
    """The program keeps the shell's child's place: its parent is whoever started abitrace."""
    trace = suite.path(".trace")
    script = "import os; print(os.getpid(), os.getppid(), os.getpgid(0)); raise SystemExit(3)"
    process = suite.start([suite.tracer, flag, "-f", "-o", trace, "--", "/usr/bin/python3", "-I", "-c", script])
    output, errors = process.communicate()
    require(process.returncode == 3, f"{ending(process.returncode)} {short(errors)}")
    require(output.split() == [b"%d" % process.pid, b"%d" % os.getpid(), b"%d" % process.pid], f"printed {output}")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and "+++ exited with 3 +++" not in trace.read_text():
        time.sleep(0.05)
    require("+++ exited with 3 +++" in trace.read_text(), "the trace has no end")


def append_case(suite):
    trace = suite.path(".trace")
    trace.write_text("first\n")
    for _ in range(2):
        suite.execute([suite.tracer, "-A", "-o", trace, *suite.program("exit_code")])
    text = trace.read_text()
    require(text.startswith("first\n") and text.count("+++ exited with 42") == 2, f"the file has: {short(text)}")


def interruptible_case(suite):
    target = suite.start(["sleep", "100"])
    tracer = suite.start([suite.tracer, "-I", "3", "-o", suite.path(".trace"), "-p", target.pid])
    time.sleep(0.7)
    tracer.send_signal(signal.SIGINT)
    time.sleep(0.7)
    require(tracer.poll() is None, "-I 3 ended at SIGINT")
    target.kill()
    target.communicate()
    tracer.communicate()


def debug_case(suite):
    code, _, errors = suite.execute([suite.tracer, "-d", "-o", suite.path(".trace"), *suite.program("exit_code")])
    require(code == 42 and "exited(status: 42)" in errors, f"{ending(code)}: {short(errors)}")


def refused_case(suite, options, words):
    code, output, errors = suite.execute([suite.tracer, *options, "true"])
    require(code == 2, f"{ending(code)}, not exit 2: {short(errors)}")
    require(output == b"", f"printed on standard output: {short(output)}")
    for word in words:
        require(word in errors, f"no '{word}' in: {short(errors)}")


REFUSED = [
    ("unknown_call", ["-e", "trace=opemat"], ["opemat", "openat"]),
    ("unknown_quiet", ["-e", "quiet=atach"], ["atach", "attach"]),
    ("unknown_status", ["-e", "status=faild"], ["faild", "failed"]),
    ("unknown_signal", ["-e", "signal=SIGTREM"], ["SIGTREM", "SIGTERM"]),
    ("unknown_order", ["-S", "size"], ["size", "avg-time"]),
    ("unknown_column", ["-U", "size"], ["size", "max-time"]),
    ("unknown_overhead", ["-O", "much"], ["much", "us"]),
    ("unknown_style", ["-X", "pretty"], ["pretty", "abbrev"]),
    ("interruptible", ["-I", "7"], ["7"]),
    ("detach_on", ["-b", "open"], ["open", "execve"]),
    ("stack_traces", ["-k"], ["-i"]),
    ("unknown_ids", ["--decode-pids=com"], ["com", "comm"]),
    ("tips", ["--tips"], ["--help"]),
    ("unfollowed_filter", ["--no-follow-forks", "--seccomp-bpf"], ["tracer"]),
    ("unfollowed_ebpf", ["--no-follow-forks", "--interceptor", "ebpf"], ["ptrace"]),
    ("unfollowed_policy", ["--no-follow-forks", "--policy", "no-network"], ["policy", "children"]),
    ("unfollowed_recording", ["--follow-forks=no", "-o", "a.mcap"], ["recording"]),
    ("kvm", ["--kvm=vcpu"], ["kvm"]),
    ("ring", ["--ring", "3"], ["--ring", "power of two"]),
    ("poked", ["--inject=openat:poke_enter=@arg2=00"], ["poke_enter", "rewrite"]),
]


def run(suite):
    for name, options, program in LIKE_STRACE:
        suite.case(f"like_strace/{name}", like_strace_case, options, program)
    suite.case("summary/plain", summary_case, [])
    suite.case("summary/columns", summary_case, ["-U", "name,calls,errors"])
    suite.case("summary/all_columns", summary_case, ["-U", "min-time,max-time,total-time,name,calls"])
    suite.case("remarks/attach", attach_remarks_case)
    suite.case("remarks/child", child_remarks_case)
    suite.case("options/detach_on_exec", detach_on_exec_case)
    suite.case("options/unfollowed", unfollowed_case)
    suite.case("options/foreign_table", foreign_table_case)
    inner = ["unshare", "-fp", "sh", "-c", "/bin/kill -0 $$"]
    suite.case("options/outer_ids", process_ids_case, ["--decode-pids=pidns", "-e", "trace=kill,getpid"], inner)
    suite.case("options/command_names", process_ids_case, ["-Y", "-e", "trace=kill"], inner)
    for flag in ("-D", "-DD", "-DDD", "--daemonize=session"):
        suite.case(f"options/daemon{flag}", daemon_case, flag)
    suite.case("options/append", append_case)
    suite.case("options/interruptible", interruptible_case)
    suite.case("options/debug", debug_case)
    for name, options, words in REFUSED:
        suite.case(f"refused/{name}", refused_case, options, words)
