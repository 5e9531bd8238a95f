# Names of values and fields of structs: drawn from the spec, given their numbers and places by the headers through the
# compiler, passed to the kernel by a program, and looked for in the trace.

import os
import random
import re
import subprocess
import tempfile
from pathlib import Path

from harness import HERE, Skip, ending, require, short

ROOT = HERE.parent.parent
DRAWN = 200
PROLOGUE = ("#define _GNU_SOURCE\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n"
            "#include <time.h>\n#include <sys/types.h>\n#include <sys/ioctl.h>\n#include <sys/socket.h>\n"
            "#include <linux/types.h>\n#include <sys/syscall.h>\n")
FOLDERS = ["linux", "asm", "asm-generic", "linux/can", "linux/usb", "linux/netfilter", "linux/dvb", "linux/android",
           "linux/netfilter_ipv4", "linux/netfilter_ipv6", "linux/netfilter_arp", "linux/netfilter_bridge", "scsi",
           "sound", "mtd", "rdma", "misc", "video", "xen", "drm", "linux/spi", "linux/iio", "linux/mmc", "linux/cifs"]
LIBRARY = ["fcntl.h", "unistd.h", "signal.h", "sched.h", "poll.h", "sys/stat.h", "sys/mman.h", "sys/epoll.h",
           "sys/eventfd.h", "sys/timerfd.h", "sys/signalfd.h", "sys/inotify.h", "sys/fanotify.h", "sys/prctl.h",
           "sys/ptrace.h", "sys/mount.h", "sys/personality.h", "sys/resource.h", "sys/wait.h", "sys/ipc.h", "sys/sem.h",
           "sys/shm.h", "sys/msg.h", "sys/quota.h", "sys/reboot.h", "sys/swap.h", "sys/xattr.h", "sys/random.h",
           "sys/timex.h", "sys/uio.h", "sys/file.h", "netinet/in.h", "netinet/tcp.h", "netinet/udp.h", "termios.h",
           "sys/kd.h", "mqueue.h"]
SCALARS = {"enum", "flags"}
# What a number is put into a field as, and the forms that it may be shown in.
NUMBER = "33"
SHOWN = "(?:33|0x0*21|041)"
NUMBERS = re.compile(r"(?:[usxo](?:8|16|32|64)|z(?:8|16|32)|u?int|u?long|xlong|size|unsigned|signed|hexadecimal"
                     r"|fd|pid|uid|gid|address|interface|directory)$")
# What the filter lets through, and what never comes back to say what it was.
UNSEEN = {"close", "exit_group", "rt_sigreturn", "sigreturn", "restart_syscall", "clone3", "fork", "vfork"}

# Names that headers give another number than the kernel's table has, or that do not fit where they are drawn.
NOT_DRAWN = {
    "F_GETLK64": "the library's number of F_GETLK in 64-bit programs",
    "F_SETLK64": "the library's number of F_SETLK in 64-bit programs",
    "F_SETLKW64": "the library's number of F_SETLKW in 64-bit programs",
    "EXTPROC": "wider than the flags of struct termio",
    "CMSPAR": "wider than the flags of struct termio",
    "CRTSCTS": "wider than the flags of struct termio",
}


# Fields of which the kernel's rules, or strace's, show another number than the program put there.
NO_NUMBERS = {}


class Spec:
    """As much of the spec as tells which argument or field a set names."""

    def __init__(self):
        self.sets, self.calls, self.structs, self.selections = {}, {}, {}, {}
        for path in sorted((ROOT / "Tools" / "Spec").glob("*.spec")):
            self.read(path.read_text())

    def read(self, text):
        body = None
        for line in text.splitlines():
            words = re.sub(r"(^|\s)#.*$", "", line).split()
            if not words:
                continue
            if not line.startswith(" "):
                body = []
                if words[0] in SCALARS:
                    self.sets[words[1]] = (words[0], body)
                elif words[0] == "call" and len(words) == 2:
                    self.calls[words[1]] = body
                elif words[0] == "struct" and len(words) < 4 and "i386" not in words:
                    self.structs[words[1]] = body
                elif words[0] == "select":
                    self.selections[words[1]] = body
            else:
                body.append(words)

    def symbols(self, name):
        """The names of a set with the spec's own numbers, which only tell names of one number apart."""
        for words in self.sets[name][1]:
            if words[0] in ("origin", "-") or len(words) < 2:
                continue
            if words[1] == "<<":
                words = [" ".join(words[:3]), *words[3:]]
            yield words[0], words[1].split("/")[0]


def scalar(type_name, spec):
    """The set of a type that is a value of a set."""
    match = re.fullmatch(r"(enum|flags):(\w+)(/\w+)?", type_name)
    return match[2] if match and match[2] in spec.sets else None


def register_places(spec):
    """Arguments that hold a value of a set: (call, the other registers, index, set)."""
    for call, body in spec.calls.items():
        if call in UNSEEN or not any(words[:2] == ["number", "x86_64"] for words in body):
            continue
        index = -1
        for words in body:
            if words[0] != "arg":
                continue
            index += 1
            if "if" in words or len(words) not in (4, 5) or words[3] in ("out", "inout"):
                continue
            yield from typed(spec, call, index, words[-1], {})


def typed(spec, call, index, type_name, others):
    """The values and the fields that an argument of this type holds; fields of plain numbers have no set."""
    if (name := scalar(type_name, spec)):
        yield "register", call, index, name, others, None
    elif type_name.startswith("*"):
        inner = re.sub(r"\(.*\)$", "", type_name[1:])
        if (name := scalar(inner, spec)):
            yield "pointer", call, index, name, others, None
        elif inner in spec.structs and "(" not in type_name:
            for field, name in fields(spec, inner):
                yield "field", call, index, name, others, (inner, field)
            for field in numeric_fields(spec, inner):
                yield "field", call, index, None, others, (inner, field)


def fields(spec, struct):
    for words in spec.structs[struct]:
        if words[0] in ("or", "operation") or "if" in words or {"hidden", "detail", "out"} & set(words):
            continue
        if len(words) > 1 and (name := scalar(words[1], spec)):
            yield words[0], name


def numeric_fields(spec, struct):
    body = spec.structs[struct]
    named = [words[0] for words in body]
    for words in body:
        if words[0] in ("or", "operation") or "if" in words or {"hidden", "out"} & set(words) or named.count(words[0]) > 1:
            continue
        if len(words) > 1 and NUMBERS.match(words[1]):
            yield words[0]


def request_places(spec):
    """What follows a request of ioctl or an option of prctl, and the requests themselves."""
    yield "register", "ioctl", 1, "ioctlRequest", {0: "-1"}, None
    yield "register", "prctl", 0, "prctlOption", {}, None
    for level, option in (words[:3:2] for words in spec.sets["socketLevel"][1] if len(words) == 3):
        yield "register", "setsockopt", 2, option.split(":")[1], {0: "-1", 1: level}, None
    for selection, call, command, first in (("ioctl", "ioctl", 1, 2), ("prctl", "prctl", 0, 1)):
        for words in spec.selections[selection]:
            request = words[0].split("|")[0]
            if "/" in request or not request[0].isalpha() or request == "otherwise":
                continue
            column = first
            skipped = False
            for word in words[1:]:
                if word in ("in", "out", "inout"):
                    skipped = word == "out"
                    continue
                if not skipped:
                    yield from typed(spec, call, column, word, {0: "-1", command: request})
                skipped = False
                column += 1


def candidates(spec):
    """A place for every name of every set that some place takes."""
    places = {}
    for place in [*register_places(spec), *request_places(spec)]:
        places.setdefault(place[3], []).append(place)
    places.pop(None, None)
    for set_name, found in sorted(places.items()):
        kind = spec.sets[set_name][0]
        numbers = {}
        for name, number in spec.symbols(set_name):
            first = numbers.setdefault(number, name)
            if name in NOT_DRAWN or kind == "flags" and int(number.replace("0o", "0"), 0 if number[:2] != "0o" else 8) == 0:
                continue
            yield name, first, found


def field_candidates(spec):
    """A place for every field of a plain number in every struct that some argument points to."""
    places = {}
    for place in [*register_places(spec), *request_places(spec)]:
        if place[3] is None:
            places.setdefault(place[5], []).append(place)
    for field, found in sorted(places.items()):
        if field not in NO_NUMBERS:
            yield NUMBER, f"{field[1]}", found


def header_words():
    """Which header says a word first."""
    words = {}
    base = Path("/usr/include")
    for folder in FOLDERS:
        place = base / folder if folder != "asm" else base / "x86_64-linux-gnu" / "asm"
        for path in sorted(place.glob("*.h")):
            for word in set(re.findall(r"[A-Za-z_]\w*", path.read_text(errors="replace"))):
                words.setdefault(word, []).append(f"{folder}/{path.name}")
    return words


def compiled(lines, headers, run):
    """The numbers or bytes that the compiler gives expressions: nothing for those it does not take."""
    first = PROLOGUE + "".join(f"#include <{name}>\n" for name in headers)
    start = first.count("\n") + 2
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder) / "values.c", Path(folder) / "values"
        left = dict(enumerate(lines))
        for _ in range(3):
            order = list(left)
            source.write_text(first + "int main(void) {\n" + "\n".join(left[place] for place in order) + "\nreturn 0; }\n")
            done = subprocess.run(
                ["gcc", "-w", "-fmax-errors=0", "-o", binary, source], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                break
            bad = {int(number) - start for number in re.findall(r"values\.c:(\d+):\d+: error", done.stderr)}
            if not bad or min(bad) < 0:
                return {}
            left = {place: left[place] for index, place in enumerate(order) if index not in bad}
        else:
            return {}
        output = subprocess.run([binary], capture_output=True, text=True, check=False).stdout.split("\n")
        return dict(zip(left, output)) if run else {}


def expression(drawn):
    """C that prints the seven numbers of a call, the value among them as the header has it."""
    name, _, (kind, call, index, _, others, field) = drawn
    known = {place: f"(unsigned long)({text})" for place, text in others.items()}
    if kind == "field":
        struct, member = field
        setup = (f"struct {struct} s; memset(&s, 0, sizeof s); s.{member} = (__typeof__(s.{member}))({name}); "
                 f"unsigned char *b = (unsigned char *)&s; unsigned long n = sizeof s;")
    elif kind == "pointer":
        setup = f"unsigned long v = (unsigned long)({name}); unsigned char *b = (unsigned char *)&v; unsigned long n = 8;"
    else:
        known[index] = f"(unsigned long)({name})"
        setup = "unsigned char *b = 0; unsigned long n = 0;"
    text = "{ " + setup + f' printf("%lu", (unsigned long)SYS_{call});'
    for register in range(6):
        if kind != "register" and register == index:
            text += ' printf(" @"); for (unsigned long i = 0; i < n; i++) printf("%02x", b[i]);'
        else:
            text += f' printf(" %#lx", {known.get(register, "0UL")});'
    return text + ' printf("\\n"); }'


def numbered(chosen):
    """The lines of the program's file for those that the headers of this machine know."""
    words = header_words()
    groups = {}
    for place, drawn in enumerate(chosen):
        name, _, (_, _, _, _, others, field) = drawn
        wanted = [*re.findall(r"[A-Za-z_]\w*", name)[-1:], *(text for text in others.values() if text[0].isalpha())]
        headers = []
        for word in [*wanted, *(field[:1] if field else [])]:
            known = words.get(word, [])
            if not set(known) & set(headers) and known:
                headers.append(known[0])
        groups.setdefault(tuple(headers), []).append(place)
    lines = {}
    for headers, places in groups.items():
        for attempt in (list(headers), LIBRARY):
            left = [place for place in places if place not in lines]
            if left:
                found = compiled([expression(chosen[place]) for place in left], attempt, True)
                lines.update({left[index]: text for index, text in found.items()})
    return lines


def says_name(drawn, line):
    """Whether a line says the name, or the first of its set with the same number."""
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line) for word in drawn[:2])


def says_field(drawn, line):
    return re.search(rf"(?<!\w){re.escape(drawn[1])}={SHOWN}(?!\w)", line) is not None


def drawn_case(suite, every, says, *flags):
    if not Path("/usr/include/linux/types.h").exists():
        raise Skip("the kernel's headers are not installed (linux-libc-dev)")
    seed = int(os.environ.get("ABITRACE_SEED") or random.SystemRandom().randrange(1 << 32))
    count = int(os.environ.get("ABITRACE_NAMES") or DRAWN)
    draw = random.Random(seed)
    spec = Spec()
    pool = list(every(spec))
    draw.shuffle(pool)
    chosen = [(name, first, draw.choice(found)) for name, first, found in pool[: count + count // 4]]
    lines = numbered(chosen)
    asked = sorted(lines)[:count]
    require(len(asked) >= min(count, DRAWN) * 3 // 4, f"seed {seed}: the headers know {len(asked)} of {len(chosen)} names")
    listing = suite.path(".calls")
    listing.write_text("".join(lines[place] + "\n" for place in asked))
    code, _, errors, text = suite.traced([*suite.program("refused_calls"), listing], *flags)
    require(code == 0, f"seed {seed}: {ending(code)} {short(errors)}")
    after = dict(re.findall(r"\bclose\((1\d{6})\) .*\n(?:\d+ +)?(.*)", text))
    unnamed = []
    for index, place in enumerate(asked):
        name, first, (_, call, _, set_name, _, field) = chosen[place]
        line = after.get(str(1000000 + index), "nothing")
        if not says(chosen[place], line):
            unnamed.append(f"{name} of {set_name or '.'.join(field)}: {line[:120]}")
    require(not unnamed, f"seed {seed}: {len(unnamed)} of {len(asked)} are not shown: " + " | ".join(unnamed[:8]))
    print(f"     seed {seed}: {len(asked)} of {len(pool)}, {len(chosen) - len(lines)} not in these headers", flush=True)


def run(suite):
    suite.case("names/drawn", drawn_case, candidates, says_name)
    suite.case("names/fields", drawn_case, field_candidates, says_field, "-v")
