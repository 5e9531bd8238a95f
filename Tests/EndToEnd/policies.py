# Programs under policies: what a shipped policy is for works unchanged, what it is against is stopped.

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import HERE, SYSTEM, Skip, ending, need, require, short

BASE = SYSTEM + "  {place}: rw+create+delete\n"

CLIENT = """import socket, threading
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
print(socket.create_connection(server.getsockname()).recv(5).decode())
"""
ABROAD = """import socket
s = socket.socket(); s.settimeout(2)
try: s.connect(("192.0.2.1", 80))
except PermissionError: print("refused")
"""
NO_SOCKET = """import socket
try: socket.socket()
except PermissionError: print("refused")
"""

# A shipped policy, a command that it is for, one that it is against, and what that one must not print.
SHIPPED = [
    ("read-only", ["ls", "/etc/passwd"], "echo x > made; test -e made && echo GOT-THROUGH"),
    ("read-only", ["dir", "/"], "ls /root && echo GOT-THROUGH"),
    ("read-only", ["cat", "/etc/passwd"], "cat /etc/shadow | grep -q : && echo GOT-THROUGH"),
    ("build", ["make", "-s", "-B"], "touch /etc/abitrace-test && echo GOT-THROUGH; rm -f /etc/abitrace-test"),
    ("build", ["/usr/bin/git", "clone", "-q", ".", "cloned"], "rm /etc/hostname.none 2>&1; mkdir /usr/abitrace-test && echo GOT-THROUGH"),
    ("no-network", ["/usr/bin/python3", "-c", "import json; print(json.dumps([1]))"], NO_SOCKET),
    ("offline-test", ["/usr/bin/python3", "-c", CLIENT], ABROAD),
    ("untrusted", ["sh", "-c", "echo mine > own && cat own"], "ls /root /var && echo GOT-THROUGH"),
    ("untrusted", ["/usr/bin/sqlite3", "data", "create table t(a); insert into t values(7); select * from t"],
     "cat ../secret && echo GOT-THROUGH"),
]


def place(suite):
    folder = suite.path(".place")
    folder.mkdir()
    (folder / "main.c").write_text('#include <stdio.h>\nint main() { puts("built"); }\n')
    (folder / "Makefile").write_text("main: main.c\n\tgcc -o main main.c && ./main\n")
    for command in (["git", "init", "-q"], ["git", "add", "."],
                    ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "first"]):
        suite.execute(command, cwd=folder)
    return folder


def under(suite, policy, command, folder, *flags):
    return suite.execute([suite.tracer, "run", *flags, "--policy", policy, "--", *command], cwd=folder)


def shipped_case(suite, policy, command, attack):
    need(Path(command[0]).name)
    folder = place(suite)
    bare_code, bare_output, _ = suite.execute(command, cwd=folder)
    for name in ("cloned", "data"):
        path = folder / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    code, output, errors = under(suite, policy, command, folder)
    require(code == bare_code, f"bare {ending(bare_code)}, under {policy} {ending(code)}: {tail(errors)}")
    require(output == bare_output, f"bare printed '{short(bare_output)}', under {policy} '{short(output)}'")
    runs = ["/usr/bin/python3", "-c", attack] if "import" in attack else ["sh", "-c", attack]
    code, output, errors = under(suite, policy, runs, folder)
    require(b"GOT-THROUGH" not in output, f"the attack got through: {tail(errors)}")
    require("refused" in errors, f"no refusal is told: {tail(errors)}")
    if "print(" in attack:
        require(output == b"refused\n", f"the attack saw '{short(output)}'")


def tail(errors):
    return " | ".join(line for line in errors.splitlines() if "warning" not in line and not line.startswith("   "))[-250:]


def written(suite, folder, more):
    policy = suite.path(".yaml")
    policy.write_text(BASE.format(place=folder) + more)
    return policy


def same_place_case(suite):
    code, output, errors = under(suite, "build", ["sh", "-c", "echo works"], "/tmp")
    require((code, output) == (0, b"works\n"), f"{ending(code)} {tail(errors)}")


def rewrite_case(suite):
    folder = place(suite)
    (folder / "mine").write_text("from the policy\n")
    policy = written(suite, folder, "rules:\n  - on: file.open\n    where: {path: /etc/hosts}\n"
                     f"    rewrite: {{path: {folder}/mine}}\n")
    code, output, errors = under(suite, policy, ["cat", "/etc/hosts"], folder)
    require((code, output) == (0, b"from the policy\n"), f"{ending(code)} '{short(output)}' {tail(errors)}")


def kill_case(suite):
    folder = place(suite)
    policy = written(suite, folder, "rules:\n  - on: file.open\n    where: {path: /etc/hosts}\n    kill: true\n")
    code, output, errors = under(suite, policy, ["sh", "-c", "sleep 50 & cat /etc/hosts; echo lives"], folder)
    require(b"lives" not in output, f"{ending(code)} '{short(output)}' {tail(errors)}")
    require(not suite.strays(), "processes of the tree live on")


def occurrence_case(suite):
    folder = place(suite)
    policy = written(suite, folder, "rules:\n  - on: file.open\n    where: {path: /etc/hosts}\n    deny: EIO\n"
                     "    when: {from: 2, every: 2}\n")
    program = "for i in range(4):\n try: open('/etc/hosts'); print('ok')\n except OSError as e: print(e.errno)"
    code, output, errors = under(suite, policy, ["/usr/bin/python3", "-c", program], folder)
    require(output == b"ok\n5\nok\n5\n", f"{ending(code)} '{short(output, 9)}' {tail(errors)}")


def digest_case(suite):
    folder = place(suite)
    cat = os.path.realpath("/usr/bin/cat")
    digest = hashlib.sha256(Path(cat).read_bytes()).hexdigest()
    loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
    for name, expected in ((digest, 0), ("0" * 64, 126)):
        policy = written(suite, folder, f"programs:\n  {cat}: {{sha256: {name}}}\n  {loader}: {{}}\n")
        code, _, errors = under(suite, policy, ["cat", "/etc/passwd"], folder)
        require(code == expected, f"{ending(code)} instead of {expected}: {tail(errors)}")


def nested_case(suite):
    folder = place(suite)
    inner = folder / "inner.yaml"
    inner.write_text(BASE.format(place=folder) + "classes: {sys.info: deny EPERM}\n")
    loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
    policy = written(suite, folder, f"programs:\n  /usr/bin/*: {{}}\n  {loader}: {{}}\n"
                     f"  /usr/bin/uname: {{policy: {inner}}}\n")
    code, output, errors = under(suite, policy, ["/usr/bin/uname"], folder)
    require(code != 0 and not output, f"{ending(code)} '{short(output)}' {tail(errors)}")
    require("sys.info" in errors, f"something else was refused: {tail(errors)}")
    code, output, errors = under(
        suite, policy, ["/usr/bin/python3", "-c", "import os; print(os.uname().sysname)"], folder)
    require(output == b"Linux\n", f"{ending(code)} '{short(output)}' {tail(errors)}")


def warn_case(suite):
    folder = place(suite)
    policy = written(suite, folder, "")
    outside = suite.path(".outside")
    code, _, errors = under(suite, policy, ["sh", "-c", f"echo x > {outside}"], folder, "--warn")
    require(code == 0 and outside.exists(), f"{ending(code)} {tail(errors)}")
    require("would be refused" in errors, f"nothing is told: {tail(errors)}")


def alone_case(suite):
    """The program by itself, far from its sources: it brings its policies along."""
    folder = suite.path(".alone")
    folder.mkdir()
    alone = folder / "abitrace"
    shutil.copy(suite.tracer, alone)
    code, output, errors = suite.execute([alone, "policy", "new", "--from", "build"], cwd=folder)
    wanted = (HERE.parent.parent / "policies" / "build.yaml").read_bytes()
    require(code == 0 and output == wanted, f"{ending(code)} {short(errors)}: policy new --from build is another text")
    code, output, errors = suite.execute(
        [alone, "run", "--policy", "read-only", "--", "sh", "-c", "echo x > made; test -e made || echo held"], cwd=folder)
    require((code, output) == (0, b"held\n"), f"{ending(code)} printed '{short(output)}' {short(errors)}")
    require("warning" not in errors, f"a shipped policy is warned of: {short(errors)}")
    code, _, errors = suite.execute([alone, "run", "--policy", "reed-only", "--", "true"], cwd=folder)
    require(code == 2 and "read-only" in errors, f"{ending(code)}: {short(errors)}")


def schema_case(suite):
    """What editors check policies by takes every shipped policy, and no misspelt word."""
    environment = suite.folder / "policy-schema"
    python = environment / "bin" / "python"
    made = subprocess.run([sys.executable, "-m", "venv", environment], stdout=subprocess.DEVNULL).returncode == 0
    if not made or subprocess.run([python, "-m", "pip", "-q", "install", "jsonschema", "pyyaml"]).returncode != 0:
        raise Skip("the Python packages jsonschema and pyyaml cannot be installed here")
    check = (
        "import json, sys, yaml\nfrom jsonschema import Draft202012Validator as V\n"
        "schema = json.load(open(sys.argv[1])); V.check_schema(schema); v = V(schema)\n"
        "for name in sys.argv[2:]:\n"
        "    for e in v.iter_errors(yaml.safe_load(open(name))): print(name, e.message[:160])\n")
    root = HERE.parent.parent
    schema = root / "Schemas" / "policy.schema.json"
    shipped = sorted((root / "policies").glob("*.yaml")) + sorted((root / "policies" / "promises").glob("*.yaml"))
    code, output, errors = suite.execute([python, "-c", check, schema, *shipped])
    require(code == 0 and not output, f"{short(output)} {short(errors)}")
    for line in ("fles: {/usr: ro}", "files: {/usr: roo}", "classes: {mem.lok: deny}", "default: deny EFOO",
                 "rules: [{\"on\": file.opn, deny: EIO}]", "give: {web: {fd: 3, rights: ro}}"):
        spoilt = suite.path(".yaml")
        spoilt.write_text(f"abitrace: policy/1\n{line}\n")
        code, output, errors = suite.execute([python, "-c", check, schema, spoilt])
        require(code == 0 and output, f"the schema takes '{line}' {short(errors)}")
        code, _, _ = suite.execute([suite.tracer, "policy", "check", spoilt])
        require(code != 0, f"policy check takes '{line}'")


def run(suite):
    if suite.wanted and not any(prefix.startswith("policy") for prefix in suite.wanted):
        return
    for policy, command, attack in SHIPPED:
        suite.case(f"policy/{policy}/{Path(command[0]).name}", shipped_case, policy, command, attack)
    suite.case("policy/same_place", same_place_case)
    suite.case("policy/rewrite", rewrite_case)
    suite.case("policy/kill", kill_case)
    suite.case("policy/occurrence", occurrence_case)
    suite.case("policy/digest", digest_case)
    suite.case("policy/nested", nested_case)
    suite.case("policy/warn", warn_case)
    suite.case("policy/alone", alone_case)
    suite.case("policy/schema", schema_case)
