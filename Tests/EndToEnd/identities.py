# Who may trace whom, and who a traced program is: set-id programs, other users, tracers under tracers.

import os
import pwd
import re
import shutil
import signal
import time
from pathlib import Path

from harness import Skip, ending, need, require, short

NOBODY = 65534


def need_root():
    if os.geteuid() != 0:
        raise Skip("only root can be other users")


def as_nobody(suite):
    """What stands before a command that nobody runs, with the tracer where nobody can reach it."""
    need_root()
    need("setpriv")
    suite.folder.chmod(0o755)
    tracer = suite.folder / "abitrace"
    if not tracer.exists():
        shutil.copy(suite.tracer, tracer)
        tracer.chmod(0o755)
    place = suite.path(".nobody")
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return prefix, tracer, place


def special(suite, name, owner, mode):
    """A copy of a test program with an owner and a mode."""
    suite.folder.chmod(0o755)
    (suite.folder / "programs").chmod(0o755)
    if os.statvfs(suite.folder).f_flag & os.ST_NOSUID:
        raise Skip(f"{suite.folder} is mounted without set-id programs")
    copy = suite.path(f".{name}")
    shutil.copy(suite.folder / "programs" / name, copy)
    os.chown(copy, owner, owner)
    copy.chmod(mode)
    return copy


def set_id_case(suite, owner, mode, prefix):
    """Run by root, abitrace gives a set-id program the identity that it has bare, whoever runs the program."""
    need_root()
    program = special(suite, "identity", owner, mode)
    bare_code, bare, _ = suite.execute([*prefix, program])
    code, output, errors, text = suite.traced([*prefix, program])
    require(code == bare_code == 0, f"bare {ending(bare_code)}, traced {ending(code)} {short(errors)}")
    require(output == bare, f"bare {bare}, traced {output}")
    require(bare.split()[1] != bare.split()[2] or bare.split()[5] != bare.split()[6], f"no set-id: {bare}")
    require("+++ exited with 0 +++" in text, "the trace has no end")


def user_case(suite):
    """-u: the program is that user from its first call on, with that user's groups."""
    need_root()
    suite.folder.chmod(0o755)
    (suite.folder / "programs").chmod(0o755)
    program = suite.folder / "programs" / "identity"
    for user in ("nobody", "daemon"):
        entry = pwd.getpwnam(user)
        code, output, errors, text = suite.traced([program], "-u", user)
        wanted = f"user {' '.join([str(entry.pw_uid)] * 3)} group {' '.join([str(entry.pw_gid)] * 3)}"
        require(code == 0 and output.decode().startswith(wanted), f"-u {user}: {output} {short(errors)}")
        require("execve(" in text and "setresuid" not in text, "the launch's own calls are in the trace")
    code, output, errors, _ = suite.traced(["cat", "/etc/shadow"], "-u", "nobody")
    require(code == 1 and not output, "nobody can read /etc/shadow")
    code, _, errors, _ = suite.traced([program], "-u", "no-such-user")
    require(code not in (0, 139) and "no-such-user" in errors, f"{ending(code)}: {short(errors)}")
    # As bare, a set-id program that another user runs under root's tracer gets its identity.
    owned = special(suite, "identity", 0, 0o4755)
    code, output, errors, _ = suite.traced([owned], "-u", "nobody")
    require(output.startswith(b"user 65534 0 0"), f"a set-id program of root's: {output} {short(errors)}")


def ordinary_user_case(suite):
    """An ordinary user traces, records, shows; set-id programs run without their identity, as under any tracer."""
    prefix, tracer, place = as_nobody(suite)
    trace, recording = place / "trace", place / "run.mcap"
    code, output, errors = suite.execute(
        [*prefix, tracer, "-f", "-o", trace, "--record", recording, "--", "sh", "-c", "id -u; exit 3"])
    require((code, output) == (3, b"65534\n"), f"{ending(code)} {output} {short(errors)}")
    shown = place / "shown"
    code, _, errors = suite.execute([*prefix, tracer, "show", "-f", "-o", shown, recording])
    require(code == 0 and shown.read_text() == trace.read_text(), f"{ending(code)} {short(errors)}")
    program = special(suite, "identity", 0, 0o4755)
    code, output, errors = suite.execute([*prefix, tracer, "-o", trace, "--", program])
    require(code == 0 and output.startswith(b"user 65534 65534 65534"), f"{ending(code)} {output} {short(errors)}")
    code, _, errors = suite.execute([*prefix, tracer, "-u", "root", "-o", trace, "--", "id"])
    require(code not in (0, 139) and "not permitted" in errors, f"-u root: {ending(code)} {short(errors)}")


def hidden_program_case(suite):
    """A program that its user may run and not read: it runs, and what it points to is shown as addresses."""
    prefix, tracer, place = as_nobody(suite)
    program = special(suite, "identity", 0, 0o711)
    bare = suite.execute([*prefix, "sh", "-c", f"{program}; exit $?"])[1]
    require(b"dumpable 0" in bare, f"the program is not hidden: {bare}")
    trace = place / "trace"
    code, output, errors = suite.execute([*prefix, tracer, "-f", "-o", trace, "--", program])
    require((code, output) == (0, bare), f"{ending(code)}, bare {bare}, traced {output} {short(errors)}")
    text = trace.read_text()
    require(re.search(r"write\(1, 0x[0-9a-f]+, \d+\)", text), "the write does not show an address")
    require("+++ exited with 0 +++" in text, "the trace has no end")


def attach_user_case(suite):
    """An ordinary user attaches to processes of that user, and is told clearly of others."""
    prefix, tracer, place = as_nobody(suite)
    (suite.folder / "programs").chmod(0o755)
    loop = [suite.folder / "programs" / "getppid_loop", "2000000000"]
    own, other = suite.start([*prefix, *loop]), suite.start(loop)
    time.sleep(0.2)
    trace = place / "trace"
    watch = suite.start([*prefix, tracer, "-p", str(own.pid), "-o", trace])
    time.sleep(0.5)
    watch.send_signal(signal.SIGINT)
    errors = watch.communicate()[1].decode()
    require(own.poll() is None, "the process did not survive")
    require("getppid()" in trace.read_text(), f"no getppid in the trace: {short(errors)}")
    for target in (other.pid, 1):
        code, _, errors = suite.execute([*prefix, tracer, "-p", str(target), "-o", trace])
        require(code == 1 and f"cannot attach to process {target}" in errors and "another user" in errors,
                f"attach to {target}: {ending(code)} {short(errors)}")
    require(other.poll() is None, "the other's process did not survive")
    for process in (own, other):
        process.kill()
        process.communicate()


def traced_twice_case(suite):
    """A process that another tracer has is refused, and unharmed."""
    need("strace")
    loop = suite.start(["strace", "-o", "/dev/null", suite.folder / "programs" / "getppid_loop", "2000000000"])
    time.sleep(0.3)
    target = next(process for process in suite.strays() if "getppid_loop" in Path(f"/proc/{process}/comm").read_text())
    code, _, errors = suite.execute([suite.tracer, "-p", target, "-o", suite.path(".trace")])
    require(code == 1 and f"cannot attach to process {target}" in errors and "traced already" in errors,
            f"{ending(code)} {short(errors)}")
    require(loop.poll() is None and f"TracerPid:\t{loop.pid}\n" in Path(f"/proc/{target}/status").read_text(),
            "the other tracer lost its process")


def nested_case(suite, inner):
    """A tracer under abitrace is refused by the kernel, as under strace, and says so; nothing hangs."""
    need("strace")
    command = [*(suite.tracer if word == "ABITRACE" else word for word in inner), "-o", suite.path(".inner"), "true"]
    reference = suite.execute(["strace", "-f", "-o", "/dev/null", *command])
    code, output, errors, text = suite.traced(command)
    require(code == reference[0] != 0, f"under strace {ending(reference[0])}, here {ending(code)}: {short(errors)}")
    require(code > 0, f"the inner tracer ended with {ending(code)}")
    require(re.search(r"ptrace\(PTRACE_\w+.*EPERM", text) or "resumed>" in text, "no refused ptrace in the trace")
    require("not permitted" in errors, f"no reason: {short(errors)}")


def yama_case(suite, scope):
    """Yama's ptrace_scope: what it forbids is said; set back in any case."""
    setting = Path("/proc/sys/kernel/yama/ptrace_scope")
    if not setting.exists():
        raise Skip("this kernel has no Yama")
    prefix, tracer, place = as_nobody(suite)
    before = setting.read_text()
    (suite.folder / "programs").chmod(0o755)
    loop = suite.start([*prefix, suite.folder / "programs" / "getppid_loop", "2000000000"])
    try:
        setting.write_text(str(scope))
        code, _, errors = suite.execute([*prefix, tracer, "-p", str(loop.pid), "-o", place / "trace"])
        require(code == 1 and f"cannot attach to process {loop.pid}" in errors, f"{ending(code)} {short(errors)}")
        code, _, errors = suite.execute([*prefix, tracer, "-o", place / "trace", "--", "true"])
        require(code == (0 if scope == 1 else 1), f"a launch: {ending(code)} {short(errors)}")
        require(scope == 1 or "not permitted" in errors, f"no reason: {short(errors)}")
    finally:
        setting.write_text(before)
        loop.kill()
        loop.communicate()


def run(suite):
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    suite.case("identity/set_user", set_id_case, NOBODY, 0o4755, [])
    suite.case("identity/set_group", set_id_case, NOBODY, 0o2755, [])
    suite.case("identity/set_user_root", set_id_case, 0, 0o4755, nobody)
    suite.case("identity/user", user_case)
    suite.case("identity/ordinary_user", ordinary_user_case)
    suite.case("identity/hidden_program", hidden_program_case)
    suite.case("identity/attach", attach_user_case)
    suite.case("identity/traced_twice", traced_twice_case)
    suite.case("identity/strace_inside", nested_case, ["strace"])
    suite.case("identity/abitrace_inside", nested_case, ["ABITRACE"])
    suite.case("identity/yama_1", yama_case, 1)
    suite.case("identity/yama_2", yama_case, 2)
