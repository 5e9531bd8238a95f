# What must not grow with a run: memory, and what a reader reads to show a part of it. Large runs are made by hand.

import json
import re
import time
from pathlib import Path

from harness import ending, need, require, short

# What the supervisor may take, in kilobytes, and what each tracee may add.
SUPERVISOR, TRACEE = 30 << 10, 4


def recorded(suite, command):
    """Records a command; answers the recording and the most memory that the supervisor took, in kilobytes."""
    recording = suite.path(".mcap")
    process = suite.start([suite.tracer, "record", "-o", recording, "--", *command])
    most = 0
    while process.poll() is None:
        # Not ru_maxrss: that begins with what the process was before its exec.
        most = max(most, high_water(process.pid))
        time.sleep(0.01)
    _, errors = process.communicate()
    require(process.returncode == 0, f"{ending(process.returncode)} {short(errors.decode(errors='replace'))}")
    require(most > 1000, f"the supervisor's memory could not be read: {most} kB")
    return recording, most


def high_water(process):
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def counts(suite, recording):
    code, output, errors = suite.execute([suite.tracer, "show", "-c", recording])
    require(code == 0, f"{ending(code)} {short(errors)}")
    return {name: int(calls) for calls, name in re.findall(r"(?m)^ *\S+ +\S+ +\S+ +(\d+) +(?:\d+ +)?(\w+)$",
                                                            output.decode())}


def many_calls_case(suite):
    """Two hundred thousand calls: each is there, and memory is what twenty thousand take."""
    loop = suite.folder / "programs" / "getppid_loop"
    few, less = recorded(suite, [loop, 20_000])
    many, more = recorded(suite, [loop, 200_000])
    for recording, calls in ((few, 20_000), (many, 200_000)):
        require(counts(suite, recording).get("getppid") == calls, f"not {calls}: {counts(suite, recording)}")
    require(more <= less + 2048, f"{less} kB for 20,000 calls, {more} kB for 200,000")
    require(more <= SUPERVISOR, f"{more} kB")


def thousand_tracees_case(suite):
    """A thousand threads of two processes at once."""
    threads = suite.folder / "programs" / "many_threads"
    recording, most = recorded(suite, ["sh", "-c", f"{threads} 1500 & {threads} 1500; wait"])
    code, output, errors = suite.execute([suite.tracer, "show", "--json", "-e", "clone,clone3", recording])
    made = sum('"call"' in line for line in output.decode().splitlines())
    require(code == 0 and made >= 1001, f"{ending(code)}, {made} threads and processes {short(errors)}")
    require(most <= SUPERVISOR + TRACEE * 1002, f"{most} kB")


def events(suite, *options):
    code, output, errors = suite.execute([suite.tracer, "show", "--json", *options])
    require(code == 0, f"{ending(code)} {short(errors)}")
    return [json.loads(line) for line in output.decode().splitlines()]


def excerpt_case(suite):
    """A part of a recording is that part of the whole, with the index and without it."""
    recording, _ = recorded(suite, [suite.folder / "programs" / "getppid_loop", 6000])
    cut = suite.path(".mcap")
    cut.write_bytes(recording.read_bytes()[:-40])
    whole = events(suite, recording)
    calls = [event for event in whole if event["event"] == "call"]
    middle, end = calls[len(calls) // 2], calls[len(calls) // 2 + 50]
    seconds = (middle["time"] - whole[0]["time"]) / 1e9
    for file in (recording, cut):
        part = events(suite, "--from", f"#{middle['id']}", "--to", f"#{end['id']}", file)
        require(part == [event for event in calls if middle["id"] <= event["id"] < end["id"]],
                f"{len(part)} events from #{middle['id']} to #{end['id']}")
        last = events(suite, "--from", f"#{calls[-2]['id']}", file)
        require([event["id"] for event in last if event["event"] == "call"] == [calls[-2]["id"], calls[-1]["id"]],
                f"the end: {last}")
        part = events(suite, "--from", f"{seconds - 1e-7:.9f}", file)
        require(part and part[0]["event"] == "call" and abs(part[0]["id"] - middle["id"]) <= 1,
                f"from {seconds} s: {part[:1]}")
    code, _, errors = suite.execute([suite.tracer, "show", "--from", "#99999999", recording])
    require(code == 1 and "ends before" in errors, f"{ending(code)} {short(errors)}")
    require(events(suite, "--from", "#20", "--to", "#10", recording) == [], "an end before the beginning")
    code, _, errors = suite.execute([suite.tracer, "show", "--from", "noon", recording])
    require(code == 2 and "noon" in errors, f"{ending(code)} {short(errors)}")


def index_case(suite):
    """With an index, what comes before a part is not read."""
    need("strace")
    recording, _ = recorded(suite, [suite.folder / "programs" / "getppid_loop", 100_000])

    def bytes_read(*options):
        log = suite.path(".strace")
        code, _, errors = suite.execute(
            ["strace", "-o", log, "-e", "read,pread64", suite.tracer, "show", *options, recording])
        require(code == 0, f"{ending(code)} {short(errors)}")
        return sum(int(count) for count in re.findall(r"= (\d+)$", log.read_text(), re.M))

    size = recording.stat().st_size
    whole, part = bytes_read(), bytes_read("--from", "#90000", "--to", "#90010")
    require(whole >= size, f"{whole} of {size} bytes were read for the whole")
    require(part < size / 4, f"{part} of {size} bytes were read for ten calls")


def run(suite):
    suite.case("scale/many_calls", many_calls_case)
    suite.case("scale/thousand_tracees", thousand_tracees_case)
    suite.case("scale/excerpt", excerpt_case)
    suite.case("scale/index", index_case)
