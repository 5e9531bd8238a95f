# What makes watching cheap, without a clock: calls that nobody asked for do not stop, are not read and not decoded.

import re

from harness import ending, need, require, short


def lines(text):
    """A trace without what differs from run to run: ids, addresses, times."""
    text = re.sub(r"(?m)^\d+ +", "", text)
    text = re.sub(r"(?m)^(<\.\.\. |.*<unfinished \.\.\.>$|--- SIGCHLD|\+\+\+).*\n?", "", text)
    text = re.sub(r"(?<![0-9a-f])0x[0-9a-f]{6,}", "ADDRESS", text)
    return re.sub(r"\b\d{2,}\b", "N", text).splitlines()


def same_lines_case(suite, selection):
    """With the filter the lines are those without."""
    program = ["bash", "-c", "cat /etc/hostname; ls / >/dev/null; (exit 3)"]
    plain = suite.traced(program, "-e", selection)
    filtered = suite.traced(program, "-e", selection, "--seccomp-bpf")
    require(plain[0] == filtered[0] == 3 and plain[1] == filtered[1], f"{ending(filtered[0])} {short(filtered[2])}")
    require(len(lines(plain[3])) > 10, f"hardly a line: {short(plain[3])}")
    require(sorted(lines(plain[3])) == sorted(lines(filtered[3])),
            f"differ: {set(lines(plain[3])) ^ set(lines(filtered[3]))}")


def stops(suite, *options):
    """How many calls the supervisor saw made, of two hundred getppid and what a program's start takes."""
    code, output, errors = suite.execute(
        [suite.tracer, "-d", "-e", "openat", "-o", suite.path(".trace"), *options, "--",
         suite.folder / "programs" / "getppid_loop", "200"])
    require(code == 0 and b"200" in output, f"{ending(code)} {short(errors)}")
    return errors.count(": entry")


def stops_case(suite):
    every, asked = stops(suite), stops(suite, "--seccomp-bpf")
    require(every > 220, f"{every} calls were seen without a filter")
    require(0 < asked < 20, f"{asked} calls were seen with one")


def privileges_case(suite):
    """Root's filter takes no privileges away; what the program sees of it is what the manual says."""
    words = {}
    for options in ((), ("--seccomp-bpf",)):
        code, output, _, _ = suite.traced(["grep", "-E", "^(Seccomp|NoNewPrivs):", "/proc/self/status"],
                                          "-e", "openat", *options)
        require(code == 0, ending(code))
        words[options] = dict(re.findall(r"(\w+):\t(\d)", output.decode()))
    require(words[()]["Seccomp"] == "0", f"without the option: {words[()]}")
    require(words[("--seccomp-bpf",)] == {"Seccomp": "2", "NoNewPrivs": "0"}, f"{words}")


def without_effect_case(suite):
    """Where no filter can be had, every call stops and the trace is whole."""
    code, _, errors, text = suite.traced(["true"], "--seccomp-bpf", "-b", "execve", "-e", "openat")
    require(code == 0 and "no effect" in errors and "openat" in text, f"{ending(code)} {short(errors)} {short(text)}")


def followed_case(suite):
    """Threads, children, an exec from a thread: the filter is inherited, and the watch with it."""
    for program, arguments in (("threads", []), ("exec_from_thread", []), ("vfork_exec", []), ("fork_storm", ["20"])):
        command = [suite.folder / "programs" / program, *arguments]
        bare = suite.execute(command)
        code, output, errors, text = suite.traced(command, "--seccomp-bpf", "-e", "%process")
        require((code, output) == bare[:2], f"{program}: {ending(code)} {short(errors)}")
        require(text.count("+++ ") >= 2, f"{program}: {short(text)}")


def reads(suite, *options):
    """How often the supervisor reads memory while three hundred files are opened and closed."""
    log = suite.path(".strace")
    code, _, errors = suite.execute(
        ["strace", "-o", log, "-e", "pread64", suite.tracer, *options, "-o", suite.path(".trace"), "--",
         suite.folder / "programs" / "open_close_loop", "300"])
    require(code == 0, f"{ending(code)} {short(errors)}")
    return log.read_text().count("pread64(")


def unread_case(suite):
    """Memory of calls that nobody asked for, or that are only counted, is not read."""
    need("strace")
    asked, unasked, counted = reads(suite, "-e", "openat"), reads(suite, "-e", "close"), reads(suite, "-c")
    require(asked >= 300, f"{asked} reads where openat was asked for")
    require(unasked < 60 and counted < 60, f"{unasked} reads for close alone, {counted} to count")


def run(suite):
    suite.case("filter_assisted/same_lines_file", same_lines_case, "%file")
    suite.case("filter_assisted/same_lines_some", same_lines_case, "openat,read,close,execve,exit_group")
    suite.case("filter_assisted/stops", stops_case)
    suite.case("filter_assisted/privileges", privileges_case)
    suite.case("filter_assisted/without_effect", without_effect_case)
    suite.case("filter_assisted/followed", followed_case)
    suite.case("on_demand/unread", unread_case)
