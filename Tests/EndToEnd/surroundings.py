# What surrounds a trace: where output goes and cannot go, signals to abitrace, JSON's schema, manual pages, completions.

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import HERE, Skip, ending, need, require, short

ROOT = HERE.parent.parent


def full_disk_case(suite, options):
    """What was lost is said once, and the exit code tells; the program itself is not disturbed."""
    code, output, errors = suite.execute([suite.tracer, *options, "-o", "/dev/full", "--", "echo", "whole"])
    require((code, output) == (1, b"whole\n"), f"{ending(code)} printed '{short(output)}': {short(errors)}")
    require("No space left on device" in errors, f"the message: {short(errors)}")
    require(len(errors.splitlines()) <= 2, f"more than two lines: {short(errors, 8)}")


def full_recording_case(suite):
    code, _, errors = suite.execute([suite.tracer, "record", "-o", "/dev/full", "--", "true"])
    require(code == 1 and "no space is left on the device" in errors, f"{ending(code)}: {short(errors)}")


def unwritable_case(suite, subcommand, path, reason):
    code, output, errors = suite.execute([suite.tracer, *subcommand, "-o", path, "--", "echo", "ran"])
    require(code == 1, f"{ending(code)}, not exit 1: {short(errors)}")
    require(output == b"", "the program ran all the same")
    require(str(path) in errors and reason in errors, f"the message: {short(errors)}")


def early_reader_case(suite, option):
    """A reader that has enough ends nothing: the program goes on, and its exit code is passed on."""
    command = f"{suite.tracer} {option} -o - -- sh -c 'ls / >/dev/null; exit 3' | head -n 1; echo ${{PIPESTATUS[0]}}"
    code, output, errors = suite.execute(["bash", "-c", command])
    lines = output.decode().splitlines()
    require(len(lines) == 2 and lines[1] == "3", f"printed: {short(output)}; {short(errors)}")
    require(errors == "", f"complained: {short(errors)}")


def early_show_case(suite):
    recording = suite.path(".mcap")
    suite.execute([suite.tracer, "record", "-o", recording, *suite.program("files")])
    code, output, errors = suite.execute(["bash", "-c", f"{suite.tracer} show {recording} | head -n 1"])
    require(len(output.splitlines()) == 1 and errors == "", f"printed: {short(output)}; {short(errors)}")


def passed_on_case(suite, number):
    """A signal to abitrace reaches the program, which decides what it means; its ending is abitrace's."""
    process = suite.start([suite.tracer, "-o", suite.path(".trace"), "--", "sleep", "100"])
    time.sleep(0.7)
    process.send_signal(number)
    _, errors = process.communicate()
    require(process.returncode == -number, f"{ending(process.returncode)}: {short(errors)}")
    require(not suite.strays(), "the program lives on")


def stubborn_case(suite):
    """Twice asked, abitrace ends a program that does not listen."""
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    process = suite.start([suite.tracer, "-o", suite.path(".trace"), "--", "sh", "-c", script])
    process.stdout.readline()
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    process.communicate()
    require(process.returncode == -signal.SIGKILL, f"{ending(process.returncode)}")
    require(not suite.strays(), "the program lives on")


def job_with_daemon_case(suite):
    """A daemon in a session of its own does not keep the shell's job from stopping."""
    script = "setsid sleep 4 >/dev/null 2>&1 & sleep 0.3; kill -STOP $$; exit 4"
    process = suite.start([suite.tracer, "-o", suite.path(".trace"), "--", "sh", "-c", script])
    deadline = time.monotonic() + 10
    state = ""
    while time.monotonic() < deadline and state != "T":
        time.sleep(0.1)
        state = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    require(state == "T", f"abitrace is in state {state}, not stopped")
    process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    process.communicate()
    require(process.returncode == 4, f"{ending(process.returncode)}")


def schema_case(suite, name, options):
    environment = suite.folder / "schema-reader"
    python = environment / "bin" / "python"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", environment], stdout=subprocess.DEVNULL).returncode == 0
        if not made or subprocess.run([python, "-m", "pip", "-q", "install", "jsonschema"]).returncode != 0:
            raise Skip("the Python package jsonschema cannot be installed here")
    out = suite.path(".jsonl")
    suite.execute([suite.tracer, "--json", *options, "-o", out, *suite.program(name)])
    kinds = {json.loads(line)["event"] for line in out.read_text().splitlines()}
    require("call" in kinds, f"no call in the output, only {kinds}")
    check = (
        "import json, sys\nfrom jsonschema import Draft202012Validator as V\n"
        "schema = json.load(open(sys.argv[1])); V.check_schema(schema); v = V(schema)\n"
        "for line in open(sys.argv[2]):\n"
        "    for e in v.iter_errors(json.loads(line)): print(e.message[:200], '|', line[:200])\n"
        "call = json.loads(next(l for l in open(sys.argv[2]) if '\"call\"' in l)); del call['operation']\n"
        "assert not v.is_valid(call), 'a call without an operation is valid: the schema says nothing'\n")
    code, output, errors = suite.execute([python, "-c", check, ROOT / "Schemas" / "trace.schema.json", out])
    require(code == 0 and not output, f"{short(output)} {short(errors)}")


def manual_case(suite):
    need("groff")
    folder = suite.path(".man")
    code, _, errors = suite.execute([sys.executable, ROOT / "Tools" / "manual", suite.tracer, folder])
    require(code == 0, short(errors))
    pages = {page.stem for page in folder.glob("*.1")}
    wanted = {"abitrace"} | {f"abitrace-{name}" for name in ("trace", "record", "show", "replay", "attach", "tree")}
    require(wanted <= pages, f"no page for {wanted - pages}")
    for page in folder.glob("*.1"):
        _, output, errors = suite.execute(["groff", "-man", "-Tutf8", "-ww", "-P-cbou", page])
        require(errors == "", f"{page.name}: {short(errors)}")
        require(b"127" in output and b"strace" in output, f"{page.name} does not reach its end")


def completion_case(suite, shell):
    code, output, errors = suite.execute([suite.tracer, "--generate-completion-script", shell])
    require(code == 0 and b"record" in output, f"{ending(code)} {short(errors)}")
    if shell == "bash":
        script = suite.path(".bash")
        script.write_bytes(output)
        code, _, errors = suite.execute(["bash", "-n", script])
        require(code == 0, short(errors))


def help_case(suite, subcommand):
    code, output, errors = suite.execute([suite.tracer, *subcommand, "--help"])
    require(code == 0 and b"Examples:" in output and errors == "", f"{ending(code)}: {short(output)} {short(errors)}")


def suggestion_case(suite):
    code, _, errors = suite.execute([suite.tracer, "--mesages", "true"])
    require(code == 2 and "--messages" in errors, f"{ending(code)}: {short(errors)}")


def set_id_case(suite):
    if os.geteuid() != 0:
        raise Skip("only root can make a set-id program and become somebody else")
    program = Path("/var/tmp") / f"abitrace-set-id-{os.getpid()}"
    tracer = program.with_suffix(".abitrace")
    try:
        for source, target in (("/usr/bin/id", program), (suite.tracer, tracer)):
            target.write_bytes(Path(source).read_bytes())
            target.chmod(0o755)
        program.chmod(0o4755)
        code, output, errors = suite.execute([tracer, "-e", "trace=none", program, "-u"], user=65534, group=65534)
        require((code, output) == (0, b"65534\n"), f"{ending(code)} printed '{short(output)}': {short(errors)}")
        require("set-id programs run without their privileges" in errors, f"no remark: {short(errors)}")
        code, output, errors = suite.execute([tracer, "-u", "nobody", "-e", "trace=none", program, "-u"])
        require((code, output) == (0, b"0\n"), f"as root: {ending(code)} printed '{short(output)}'")
        require("set-id" not in errors, f"a remark to root: {short(errors)}")
    finally:
        program.unlink(missing_ok=True)
        tracer.unlink(missing_ok=True)


def run(suite):
    for name, options in (("text", []), ("json", ["--json"]), ("messages", ["--messages"]), ("summary", ["-c"])):
        suite.case(f"full_disk/{name}", full_disk_case, options)
    suite.case("full_disk/recording", full_recording_case)
    for name, subcommand in (("trace", []), ("record", ["record"])):
        suite.case(f"unwritable/{name}_directory", unwritable_case, subcommand, "/tmp", "Is a directory")
        suite.case(
            f"unwritable/{name}_nowhere", unwritable_case, subcommand, "/nonexistent/x", "No such file or directory")
    for name, option in (("text", ""), ("json", "--json"), ("messages", "--messages"), ("summary", "-C")):
        suite.case(f"early_reader/{name}", early_reader_case, option)
    suite.case("early_reader/show", early_show_case)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        suite.case(f"signals/{number.name}", passed_on_case, number)
    suite.case("signals/stubborn", stubborn_case)
    suite.case("signals/job_with_daemon", job_with_daemon_case)
    for name in ("files", "fork_wait", "signals", "job_stop", "exec_from_thread", "kill_self", "int80", "uring"):
        suite.case(f"schema/{name}", schema_case, name, [])
    suite.case("schema/descriptors", schema_case, "descriptors", ["-yy", "-v"])
    suite.case("manual/pages", manual_case)
    for shell in ("bash", "zsh", "fish"):
        suite.case(f"completions/{shell}", completion_case, shell)
    for name in ("", "trace", "record", "show", "replay", "attach", "tree"):
        suite.case(f"help/{name or 'all'}", help_case, [name] if name else [])
    suite.case("help/suggestion", suggestion_case)
    suite.case("remarks/set_id", set_id_case)
