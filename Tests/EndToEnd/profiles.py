# Policies for other programs: container runtimes, systemd, bubblewrap, minijail and Landlock take what export writes,
# and what a policy refuses is refused there too, as far as the list of gaps does not say otherwise.

import json
import os
import re
import socket
import subprocess
import sys

from harness import HERE, Skip, ending, need, require, short
from walkthrough import PLAIN

POLICY = """abitrace: policy/1
name: little
files:
  /usr: ro+run
  /etc/hostname: ro
  /dev/null: rw
  ${CWD}/in: ro
  ${CWD}/in/secret: none
  ${CWD}/out: rw+create+delete
limits: {open files: 64}
"""

# What the program says of each attempt, and what is to come of it. Paths are under the working directory.
SCRIPT = """
say() { if eval "$2" > /dev/null 2>&1; then echo "$1 yes"; else echo "$1 no"; fi; }
say read 'cat in/plain'
say run '/usr/bin/env true'
say write 'echo x > out/new'
say remove 'rm out/new'
say write_read_only 'echo x > in/new'
say write_system 'echo x > /usr/abitrace-new'
say read_secret 'grep secret in/secret'
say read_outside 'cat /etc/shadow'
say mount 'mount -t tmpfs none out'
say unshare 'unshare -U true'
say network '/usr/bin/python3 -I -S -c "import socket; socket.create_connection((\\"127.0.0.1\\", '$PORT'), 2)"'
say inet '/usr/bin/python3 -I -S -c "import socket; socket.socket()"'
"""

ALLOWED = {"read", "run", "write", "remove"}
REFUSED = {"write_read_only", "write_system", "read_secret", "read_outside", "mount", "unshare", "network", "inet"}


# No test asks for control groups, which not every machine lays out as crun wants them.
RUNTIMES = {"runc": ["runc"], "crun": ["crun", "--cgroup-manager=disabled"]}


def prepare(suite, text=POLICY):
    folder = suite.path(".profile")
    folder.mkdir(mode=0o755)
    for name in ("in", "out"):
        (folder / name).mkdir()
    (folder / "in" / "plain").write_text("plain\n")
    (folder / "in" / "secret").write_text("secret\n")
    policy = folder / "policy.yaml"
    policy.write_text(text)
    return folder, policy


def export(suite, folder, policy, form, *more, target=None, expect=0):
    target = target or folder / f"profile.{form}"
    code, _, errors = suite.execute(
        [suite.tracer, "policy", "export", "--to", form, "-o", target, policy, *more], cwd=folder)
    require(code == expect, f"export to {form}: {ending(code)} {short(errors)}")
    return target, errors


def attempts(output):
    """`read yes` and so on, by name."""
    return dict(line.split() for line in output.decode().splitlines() if len(line.split()) == 2)


def hold(found, allowed, refused, errors=""):
    wanted = {name: "yes" for name in allowed} | {name: "no" for name in refused}
    wrong = {name: found.get(name) for name, answer in wanted.items() if found.get(name) != answer}
    require(not wrong, f"otherwise than the policy says: {wrong} {short(errors)}")


class Listener:
    """Somebody to connect to, so that only the profile can be what refuses."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        return self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.socket.close()


def bare_case(suite):
    """The attempts succeed where nothing holds them, or a refusal would say nothing."""
    folder, _ = prepare(suite)
    with Listener() as port:
        code, output, errors = suite.execute(["env", f"PORT={port}", "sh", "-c", SCRIPT], cwd=folder)
    os.path.exists("/usr/abitrace-new") and os.remove("/usr/abitrace-new")
    found = attempts(output)
    everything = ALLOWED | REFUSED
    if os.geteuid() != 0:
        everything -= {"write_system", "read_outside", "mount"}
    hold(found, everything - {"unshare"}, set(), errors)
    subprocess.run(["umount", folder / "out"], stderr=subprocess.DEVNULL)


def abitrace_case(suite):
    """The same under abitrace itself: what the profiles are held against."""
    folder, policy = prepare(suite)
    with Listener() as port:
        code, output, errors = suite.execute(
            [suite.tracer, "run", "--policy", policy, "--", "env", f"PORT={port}", "sh", "-c", SCRIPT], cwd=folder)
    hold(attempts(output), ALLOWED, REFUSED, errors)


def oci_case(suite, runtime):
    need(runtime)
    if os.geteuid() != 0:
        raise Skip("container runtimes want root here")
    folder, policy = prepare(suite)
    bundle = suite.path(".bundle")
    (bundle / "rootfs").mkdir(parents=True)
    with Listener() as port:
        _, gaps = export(
            suite, folder, policy, "oci", "--", "sh", "-c", f"PORT={port}; cd {folder}; {SCRIPT}",
            target=bundle / "config.json")
        require("decided by what lies in memory" in gaps, f"no gaps are listed: {gaps}")
        name = f"abitrace-test-{os.getpid()}-{runtime}"
        state = suite.path(".state")
        code, output, errors = suite.execute([*RUNTIMES[runtime], "--root", state, "run", "--bundle", bundle, name])
    found = attempts(output)
    if not found and ("cgroup" in errors or "permission" in errors.lower()):
        raise Skip(f"{runtime} cannot run here: {short(errors)}")
    require(code == 0, f"{ending(code)} {short(errors)}")
    hold(found, ALLOWED, REFUSED, errors)


def seccomp_case(suite, runtime):
    """Calls alone, over the machine's own files: arguments are told apart by the runtime's filter."""
    need(runtime)
    if os.geteuid() != 0:
        raise Skip("container runtimes want root here")
    text = "abitrace: policy/1\nfiles: {/: rw+run+create+delete}\nnetwork: {connect: [unix /run/x]}\n" \
        "classes: {sys.info: {deny: EPERM}, mem.lock: stub}\n"
    folder, policy = prepare(suite, text)
    profile, _ = export(suite, folder, policy, "seccomp")
    script = (
        "import ctypes, os, socket\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def said(name, works): print(name, 'yes' if works else ctypes.get_errno())\n"
        "def makes(family):\n"
        "    try: return bool(socket.socket(family))\n"
        "    except OSError as error: ctypes.set_errno(error.errno); return False\n"
        "said('unix', makes(socket.AF_UNIX)); said('inet', makes(socket.AF_INET)); said('packet', makes(17))\n"
        "said('uname', libc.uname(ctypes.create_string_buffer(1024)) == 0)\n"
        "said('mlock', libc.mlock(None, 4096) == 0)\n"
        "said('mount', libc.mount(b'none', b'/mnt', b'tmpfs', 0, None) == 0)\n"
        "said('unshare', libc.unshare(0x10000000) == 0)\n"
        "said('clone3', libc.syscall(435, None, ctypes.c_size_t(64)) == 0)\n")
    config = {
        "ociVersion": "1.0.2",
        "mounts": [{"destination": "/", "type": "bind", "source": "/", "options": ["rbind"]}],
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "cwd": "/", "noNewPrivileges": True,
            "args": ["/usr/bin/python3", "-I", "-S", "-c", script], "env": ["PATH=/usr/bin"],
            "capabilities": {set: ["CAP_SYS_ADMIN"] for set in ("bounding", "effective", "permitted")},
        },
        "root": {"path": "rootfs", "readonly": False},
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}], "seccomp": json.loads(profile.read_text())},
    }
    bundle = suite.path(".bundle")
    (bundle / "rootfs").mkdir(parents=True)
    (bundle / "config.json").write_text(json.dumps(config))
    name = f"abitrace-test-{os.getpid()}-calls-{runtime}"
    code, output, errors = suite.execute(
        [*RUNTIMES[runtime], "--root", suite.path(".state"), "run", "--bundle", bundle, name])
    found = attempts(output)
    if not found and "cgroup" in errors:
        raise Skip(f"{runtime} cannot run here: {short(errors)}")
    wanted = {"unix": "yes", "inet": "13", "packet": "13", "uname": "1", "mlock": "yes", "mount": found.get("mount"),
              "unshare": found.get("unshare"), "clone3": "38"}
    require(found == wanted, f"{found} {short(errors)}")
    require(found["mount"] in ("1", "13") and found["unshare"] in ("1", "13"), f"not refused: {found}")


def bubblewrap_case(suite):
    need("bwrap")
    folder, policy = prepare(suite)
    program, _ = export(suite, folder, policy, "bpf-binary", "--standalone")
    command = ["bwrap", "--dev-bind", "/", "/", "--seccomp", "9", "sh", "-c", f"PORT=1; {SCRIPT}"]
    with open(program, "rb") as filter:
        shell = ["sh", "-c", 'exec 9< "$1"; shift; exec "$@"', "sh", program, *command]
        code, output, errors = suite.execute(shell, cwd=folder)
    if b"read" not in output and "bwrap:" in errors:
        raise Skip(f"bwrap cannot run here: {short(errors)}")
    # A filter alone knows no files.
    hold(attempts(output), ALLOWED | {"read_secret"}, {"mount", "unshare", "network", "inet"}, errors)
    os.path.exists("/usr/abitrace-new") and os.remove("/usr/abitrace-new")


def landlock_case(suite):
    folder, policy = prepare(suite, POLICY.replace("  ${CWD}/in/secret: none\n", ""))
    ruleset, gaps = export(suite, folder, policy, "landlock")
    require("limits cannot be said" in gaps, f"gaps: {gaps}")
    with Listener() as port:
        code, output, errors = suite.execute(
            [sys.executable, HERE / "landlock_loader.py", ruleset, "env", f"PORT={port}", "sh", "-c", SCRIPT], cwd=folder)
    if code == 77:
        raise Skip("this kernel has no Landlock")
    hold(attempts(output), ALLOWED | {"read_secret"}, {"write_read_only", "write_system", "read_outside", "network"}, errors)


def landlock_ports_case(suite):
    """A port that may be connected to, and one that may not."""
    with Listener() as port, Listener() as other:
        text = f"abitrace: policy/1\nfiles: {{/: rw+run}}\nnetwork: {{connect: [\"tcp 127.0.0.1:{port}\"]}}\n"
        folder, policy = prepare(suite, text)
        ruleset, _ = export(suite, folder, policy, "landlock")
        for number, wanted in ((port, 0), (other, 1)):
            code, _, errors = suite.execute(
                [sys.executable, HERE / "landlock_loader.py", ruleset, "/usr/bin/python3", "-I", "-S", "-c",
                 f"import socket; socket.create_connection(('127.0.0.1', {number}), 5)"])
            if code == 77:
                raise Skip("this kernel has no Landlock")
            require(code == wanted, f"port {number}: {ending(code)} {short(errors)}")


def landlock_gap_case(suite):
    """What Landlock cannot take away is listed, by line."""
    folder, policy = prepare(suite)
    _, gaps = export(suite, folder, policy, "landlock")
    require(re.search(r"policy.yaml:8: `\$\{CWD\}/in/secret: none`: what an entry above allows cannot be taken away", gaps),
            f"the secret is not among the gaps: {gaps}")
    export(suite, folder, policy, "landlock", "--strict", expect=1)


def systemd_case(suite):
    need("systemd-analyze")
    folder, policy = prepare(suite)
    unit = folder / "abitrace-test.service"
    drop_in = folder / "abitrace-test.service.d"
    drop_in.mkdir()
    export(suite, folder, policy, "systemd", target=drop_in / "policy.conf")
    unit.write_text("[Service]\nExecStart=/usr/bin/true\n")
    code, output, errors = suite.execute(["systemd-analyze", "verify", unit])
    # An older systemd passes over calls that it has no name for, which then are refused.
    told = [line for line in (output.decode() + errors).splitlines()
            if (str(folder) in line or "abitrace-test" in line) and "Failed to parse system call, ignoring" not in line]
    require(code == 0 and not told, f"{ending(code)} {told} {short(errors)}")
    # The exposure that systemd itself sees, with the policy and without.
    exposures = []
    for text in ("", (drop_in / "policy.conf").read_text()):
        alone = folder / "alone.service"
        alone.write_text("[Service]\nExecStart=/usr/bin/true\n" + text)
        code, output, errors = suite.execute(["systemd-analyze", "security", "--offline=yes", "--no-pager", alone])
        found = re.search(r"Overall exposure level for alone.service: ([\d.]+)", output.decode())
        require(found, f"{ending(code)} {short(output)} {short(errors)}")
        exposures.append(float(found[1]))
    require(exposures[1] < exposures[0] / 2, f"the exposure is {exposures}")


def minijail_case(suite):
    need("minijail0")
    folder, policy = prepare(suite)
    profile, _ = export(suite, folder, policy, "minijail")
    code, output, errors = suite.execute(
        ["minijail0", "-n", "-S", profile, "--", "/usr/bin/env", "PORT=1", "/bin/sh", "-c", SCRIPT], cwd=folder)
    hold(attempts(output), ALLOWED | {"read_secret"}, {"mount", "unshare", "network", "inet"}, errors)


def shipped_case(suite):
    """Every shipped policy can be said in every form, and says what it leaves out."""
    for policy in sorted((HERE.parent.parent / "policies").glob("*.yaml")):
        folder, _ = prepare(suite)
        for form in ("oci", "seccomp", "systemd", "landlock", "minijail", "bpf", "bpf-binary"):
            target, gaps = export(suite, folder, policy, form)
            require(target.stat().st_size > 100, f"{policy.name} to {form} is empty")
            if form in ("oci", "seccomp", "landlock"):
                json.loads(target.read_text())
            require(form.startswith("bpf") or "not in the profile:" in gaps, f"{policy.name} to {form}: {gaps}")


def import_oci_case(suite):
    """What a profile refuses, the policy that is made of it refuses; and it comes back as a profile."""
    folder, _ = prepare(suite)
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": ["mount", "umount2", "pivot_root", "move_mount", "mount_setattr", "fsopen", "fsmount", "fspick",
                       "fsconfig", "open_tree", "open_tree_attr", "statmount", "listmount", "umount"],
             "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
            {"names": ["uname", "sysinfo", "sysfs"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["swapon", "no_such_call"], "action": "SCMP_ACT_KILL_PROCESS"},
        ],
    }
    (folder / "seccomp.json").write_text(json.dumps(profile))
    imported = folder / "imported.yaml"
    code, _, errors = suite.execute(
        [suite.tracer, "policy", "import", "--from", "oci", "-o", imported, "seccomp.json"], cwd=folder)
    require(code == 0, f"{ending(code)} {short(errors)}")
    text = imported.read_text()
    require("mount: {deny: EPERM}" in text and "no_such_call" in text, text)
    code, output, errors = suite.execute([suite.tracer, "policy", "check", imported])
    require(code == 0, f"{output.decode()} {errors}")
    code, output, errors = suite.execute([suite.tracer, "run", "--policy", imported, "--", "uname"], cwd=folder)
    require(code != 0 and "Function not implemented" in errors, f"{ending(code)} {output} {errors}")
    code, _, errors = suite.execute([suite.tracer, "run", "--policy", imported, "--", "cat", "in/plain"], cwd=folder)
    require(code == 0 and not errors, f"{ending(code)} {errors}")
    (folder / "broken.json").write_text('{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_WHATEVER"}]}')
    code, _, errors = suite.execute([suite.tracer, "policy", "import", "--from", "oci", "broken.json"], cwd=folder)
    require(code == 1 and "no action `SCMP_ACT_WHATEVER`" in errors, f"{ending(code)} {errors}")


def import_strace_case(suite):
    """A policy from strace's own log allows what was logged."""
    need("strace")
    folder, _ = prepare(suite)
    command = ["sh", "-c", "cat in/plain > out/copy; ls in; rm out/copy"]
    code, _, errors = suite.execute([*PLAIN, "strace", "-f", "-y", "-o", "log", *command], cwd=folder)
    require(code == 0, short(errors))
    imported = folder / "imported.yaml"
    code, _, errors = suite.execute(
        [suite.tracer, "policy", "import", "--from", "strace", "-o", imported, "log"], cwd=folder)
    require(code == 0, f"{ending(code)} {short(errors)}")
    text = imported.read_text()
    require("${CWD}/in/plain" in text or "${CWD}/in" in text, text)
    code, output, errors = suite.execute([*PLAIN, suite.tracer, "run", "--policy", imported, "--", *command], cwd=folder)
    require(code == 0 and "refused" not in errors, f"{ending(code)} {errors} {text}")
    code, output, errors = suite.execute(
        [suite.tracer, "run", "--policy", imported, "--", "sh", "-c", "cat /etc/passwd"], cwd=folder)
    require("/etc/passwd) refused" in errors, f"{ending(code)} {errors}")
    (folder / "nothing").write_text("this is no log\n")
    code, _, errors = suite.execute([suite.tracer, "policy", "import", "--from", "strace", "nothing"], cwd=folder)
    require(code == 1 and "is a call in strace's form" in errors, f"{ending(code)} {errors}")


def run(suite):
    suite.case("profiles/bare", bare_case)
    suite.case("profiles/abitrace", abitrace_case)
    for runtime in ("runc", "crun"):
        suite.case(f"profiles/oci/{runtime}", oci_case, runtime)
        suite.case(f"profiles/seccomp/{runtime}", seccomp_case, runtime)
    suite.case("profiles/bubblewrap", bubblewrap_case)
    suite.case("profiles/landlock", landlock_case)
    suite.case("profiles/landlock/ports", landlock_ports_case)
    suite.case("profiles/landlock/gaps", landlock_gap_case)
    suite.case("profiles/systemd", systemd_case)
    suite.case("profiles/minijail", minijail_case)
    suite.case("profiles/shipped", shipped_case)
    suite.case("profiles/import/oci", import_oci_case)
    suite.case("profiles/import/strace", import_strace_case)
