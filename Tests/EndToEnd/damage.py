# Full disks and damaged recordings: a clear message, an exit code, and everything that is still there.

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

from harness import Skip, ending, need, require, short

# Exit codes of abitrace's own; a signal death is never one.
SOUND, FAILED = 0, 1


def full_disk_case(suite, mode):
    """The recording's disk fills half way: said, kept, and the tracee does what it would have done."""
    need("unshare")
    disk, kept, done = suite.path(".disk"), suite.path(".mcap"), suite.path(".done")
    disk.mkdir()
    name = "run.mcap" if mode == "record" else "trace"
    options = ["record", "-s", "100000"] if mode == "record" else ["-f", "-s", "100000"]
    # Every write is random bytes: nothing that a compressor would take the size from.
    program = f"for i in $(seq 60); do head -c 60000 /dev/urandom > {done}.part; done; echo whole > {done}; exit 7"
    script = (
        'mount -t tmpfs -o size=1M none "$1" && cd "$1" || exit 99; shift; kept=$1; shift; name=$1; shift\n'
        '"$@"; code=$?; cp "$name" "$kept"; exit $code')
    code, _, errors = suite.execute(
        ["unshare", "-m", "sh", "-c", script, "sh", disk, kept, name, suite.tracer, *options, "-o", name, "--", "sh",
         "-c", program])
    if code == 99 or "unshare failed" in errors:
        raise Skip("a file system cannot be mounted here")
    require("o space" in errors, f"{ending(code)}, and no word of the disk: {short(errors)}")
    require(errors.count("o space") == 1, f"said {errors.count('o space')} times: {short(errors)}")
    require(name in errors, f"the message does not name the file: {short(errors)}")
    require(done.exists() and done.read_text() == "whole\n", f"the program did not finish: {ending(code)}")
    require(code == FAILED, f"{ending(code)}, not exit {FAILED}: {short(errors)}")
    require(kept.stat().st_size > 500_000, f"{kept.stat().st_size} bytes were kept")
    if mode == "record":
        shown, text, errors = suite.execute([suite.tracer, "show", "-f", kept])
        require(shown in (SOUND, FAILED) and text.count(b"\n") > 20, f"show: {ending(shown)} {short(errors)}")
        require(errors and "Fatal" not in errors, f"the end is missing and nobody says so: {short(errors)}")


def sample(suite):
    """A recording with processes, signals and memory in it."""
    recording = suite.path(".mcap")
    script = "ls -l / >/dev/null; (kill -USR1 $BASHPID); for i in 1 2 3; do head -c 3000 /dev/urandom >/dev/null; done"
    code, _, errors = suite.execute([suite.tracer, "record", "-s", "4000", "-o", recording, "--", "bash", "-c", script])
    require(code == 0, short(errors))
    return recording.read_bytes()


def show(suite, data):
    damaged = suite.folder / "damaged.mcap"
    damaged.write_bytes(data)
    code, text, errors = suite.execute([suite.tracer, "show", "-f", damaged], pass_fds=())
    require(code in (SOUND, FAILED), f"{ending(code)} {short(errors[-600:])}")
    require(code == SOUND or re.fullmatch(r"(abitrace: .*\n)+", errors), f"{ending(code)}, said: {short(errors)}")
    return code, text, errors


def cut_case(suite):
    """A recording that ends anywhere: what is there is shown, and that something is missing is said."""
    data = sample(suite)
    whole = show(suite, data)[1]
    places = random.Random(1)
    for length in sorted({0, 1, 7, 8, 9, 100, len(data) - 1, *(places.randrange(len(data)) for _ in range(40))}):
        code, text, errors = show(suite, data[:length])
        require(errors, f"cut to {length} of {len(data)} bytes: {ending(code)}, and no word of it")
        require(whole.startswith(text) or text.endswith(b"<unfinished ...>\n"), f"cut to {length}: invented text")


def flip_case(suite):
    """Bits that turn: never a crash, and no damage that passes for the truth in what the checksums cover."""
    data = sample(suite)
    whole = show(suite, data)[1]
    places = random.Random(2)
    said = 0
    for _ in range(120):
        bad = bytearray(data)
        for _ in range(places.choice((1, 1, 2, 30))):
            bad[places.randrange(len(bad))] ^= 1 << places.randrange(8)
        _, text, errors = show(suite, bytes(bad))
        said += bool(errors)
        require(errors or text == whole, "other text than recorded, and no word of it")
    require(said > 60, f"of 120 damaged recordings {said} were noticed")


def garble_case(suite):
    """Stretches overwritten, moved and repeated; and what never was a recording."""
    data = sample(suite)
    places = random.Random(3)
    for _ in range(60):
        start, length, target = (places.randrange(len(data)) for _ in range(3))
        part = data[start:start + length % 500]
        show(suite, places.choice((
            data[:target] + part + data[target:], data[:target] + part + data[target + len(part):],
            data[:target] + bytes([places.randrange(256)]) * len(part) + data[target + len(part):],
            data[:start] + data[start + len(part):])))
    for junk in (b"", b"\x89MCAP0\r\n", b"\x89MCAP0\r\n" * 9, os.urandom(5000), b"\0" * 5000, b"\xff" * 5000,
                 b"\x89MCAP0\r\n" + b"\x06" + b"\xff" * 8 + data[9:]):
        code, _, errors = show(suite, junk)
        # A whole beginning is a recording that was cut; anything else is none.
        expected = SOUND if junk == data[:8] else FAILED
        require(code == expected and errors, f"{len(junk)} bytes of junk: {ending(code)} {short(errors)}")


def newer_case(suite):
    """A recording of a newer version is refused by name; what a newer writer adds to a record is passed over."""
    data = sample(suite)
    header = re.search(rb"abitrace recording (\d+)", data[:200])
    require(header, f"no version in the header: {data[:80]}")
    newer = data[:header.start(1)] + b"9" * len(header[1]) + data[header.end(1):]
    code, _, errors = show(suite, newer)
    require(code == FAILED and "newer" in errors, f"{ending(code)} {short(errors)}")


def not_readable_case(suite):
    folder = suite.path(".folder")
    folder.mkdir()
    for path, word in ((folder, "irectory"), (folder / "none", "No such file")):
        code, _, errors = suite.execute([suite.tracer, "show", path])
        require(code == FAILED and word in errors and str(path) in errors, f"{path}: {ending(code)} {short(errors)}")
    code, _, errors = suite.execute([suite.tracer, "record", "-o", folder, "--", "true"])
    require(code == FAILED and str(folder) in errors, f"record into a folder: {ending(code)} {short(errors)}")


def run(suite):
    suite.case("damage/full_disk_recording", full_disk_case, "record")
    suite.case("damage/full_disk_text", full_disk_case, "text")
    suite.case("damage/cut", cut_case)
    suite.case("damage/flipped_bits", flip_case)
    suite.case("damage/garbled", garble_case)
    suite.case("damage/newer_version", newer_case)
    suite.case("damage/not_readable", not_readable_case)
