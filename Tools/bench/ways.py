# The ways of watching and confining that are compared, and which of them this machine has.

import os
import shutil
import subprocess
from dataclasses import dataclass

BARE, UNPINNED, PINNED = "bare", "strace", "strace pinned"

# Everything is allowed, so that any workload runs; paths are decided all the same, by the broker.
POLICY = """abitrace: policy/1
name: bench
description: Everything, decided call by call.
files:
  /: rw+create+delete+attr+run+control
network:
  connect: ["tcp *", "udp *", "unix *"]
  listen: ["tcp *", "udp *", "unix *"]
"""


@dataclass
class Way:
    prefix: list
    recording: str = ""  # the file it leaves
    note: str = ""


class Ways:
    """All ways, in the order of the table; `missing` says why others are left out."""

    def __init__(self, abitrace, scratch):
        self.abitrace, self.scratch = abitrace, scratch
        self.recording = str(scratch / "recording.mcap")
        self.all, self.missing = {BARE: Way([])}, {}
        self.add_ours()
        self.add_policies()
        self.add_strace()
        self.add_others()

    def add(self, name, prefix, recording="", note=""):
        self.all[name] = Way(prefix, recording, note)

    def tried(self, name, prefix, recording="", note=""):
        """Adds a way that works here, with a program that does nothing."""
        try:
            answer = subprocess.run([*prefix, "true"], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired) as problem:
            self.missing[name] = str(problem)
            return
        if answer.returncode == 0:
            self.add(name, prefix, recording, note)
        else:
            lines = (answer.stderr or answer.stdout).strip().splitlines() or [f"exit code {answer.returncode}"]
            self.missing[name] = lines[0][:150]

    def add_ours(self):
        record = [self.abitrace, "record", "-o", self.recording]
        self.add("record", [*record, "--"], self.recording, "every call into a recording, by ptrace")
        self.add("record, own CPUs", [*record, "--no-companion", "--"], self.recording,
                 "the same without sharing a processor with a lone tracee")
        self.add("text", [self.abitrace, "-o", "/dev/null", "--"], note="every call as a line")
        self.add("count", [self.abitrace, "-c", "-o", "/dev/null", "--"], note="the table of counts")
        self.tried("record, eBPF", [self.abitrace, "record", "--interceptor", "ebpf", "-o", self.recording, "--"],
                   self.recording, "every call into a recording, by eBPF")
        self.tried("one call asked", [self.abitrace, "--seccomp-bpf", "-e", "openat", "-o", "/dev/null", "--"],
                   note="openat as lines; the filter lets all others pass")

    def add_policies(self):
        path = self.scratch / "bench.yaml"
        path.write_text(POLICY)
        self.tried("policy", [self.abitrace, "run", "--policy", str(path), "--"],
                   note="a policy that allows everything, decided call by call")
        self.tried("policy, recorded", [self.abitrace, "record", "--policy", str(path), "-o", self.recording, "--"],
                   self.recording, "the same, every call recorded with what was decided")

    def add_strace(self):
        if not shutil.which("strace"):
            self.missing[UNPINNED] = "strace is not installed"
            return
        strace = ["strace", "-f", "-o", "/dev/null"]
        self.add(UNPINNED, strace, note="as people run it")
        if not shutil.which("taskset"):
            self.missing[PINNED] = "taskset is not installed"
        elif 0 not in os.sched_getaffinity(0):
            self.missing[PINNED] = "processor 0 may not be used here"
        else:
            self.add(PINNED, ["taskset", "-c", "0", *strace], note="strace and its tracees on processor 0")
        self.tried("strace, one call", ["strace", "-f", "--seccomp-bpf", "-e", "openat", "-o", "/dev/null"],
                   note="strace --seccomp-bpf -e openat")

    def add_others(self):
        for name, program, words, note in (
                ("perf trace", "perf", ["trace", "-o", "/dev/null", "--"], "every call as a line, by perf events"),
                ("bwrap", "bwrap", ["--dev-bind", "/", "/", "--unshare-pid"], "namespaces, no decision a call"),
                ("firejail", "firejail", ["--quiet", "--noprofile"], "namespaces, no decision a call")):
            if not shutil.which(program):
                self.missing[name] = f"{program} is not installed"
            else:
                self.tried(name, [program, *words], note=note)
        self.missing["bpftrace"] = self.bpftrace()

    def bpftrace(self):
        if not shutil.which("bpftrace"):
            return "bpftrace is not installed"
        script = "tracepoint:raw_syscalls:sys_enter { @calls[comm, args->id] = count(); }"
        # It takes the command as one text, and starts it when its probes are in place.
        wrapper = self.scratch / "bpftrace.sh"
        wrapper.write_text(f"#!/bin/sh\nprogram=$(which \"$1\"); shift\nexec bpftrace -q -o /dev/null -c \"$program $*\" -e '{script}'\n")
        wrapper.chmod(0o755)
        self.tried("bpftrace", [str(wrapper)], note="counts by program and number, of the whole machine")
        return self.missing.pop("bpftrace", None)
