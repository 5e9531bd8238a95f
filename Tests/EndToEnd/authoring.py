# From recordings to policies: learnt, replayed, shrunk, fixed, compared; and what a changed program then meets.

import shutil
import sys
import xml.etree.ElementTree

from ebpf import need_ebpf
from harness import ending, need, require, short
from real_programs import write_project, write_repository

DATABASE = """
import sqlite3, subprocess
database = sqlite3.connect('data.db')
database.execute('create table t(a)')
database.executemany('insert into t values (?)', [(n,) for n in range(100)])
database.commit()
print(database.execute('select sum(a) from t').fetchone())
"""

CHANGED = DATABASE + """
import socket
open('/var/tmp/abitrace-new-file', 'w').close()
probe = socket.socket()
try: probe.connect(('127.0.0.1', 9))
except OSError: pass
"""


def abitrace(suite, *arguments, expect=0, **options):
    code, output, errors = suite.execute([suite.tracer, *arguments], **options)
    require(code == expect, f"{arguments[0]} {arguments[1]}: {ending(code)}: {output.decode()[-600:]} {short(errors)}")
    return output.decode()


def record(suite, command, prepare=None, name=".mcap"):
    folder, recording = suite.path(".work"), suite.path(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    if prepare:
        prepare(folder)
    code, _, errors = suite.execute([suite.tracer, "record", "-o", recording, "--", *command], cwd=folder)
    require(code == 0, f"{ending(code)} {short(errors)}")
    return folder, recording


def learn(suite, folder, recording):
    policy = suite.path(".yaml")
    abitrace(suite, "policy", "learn", "-o", policy, recording, cwd=folder)
    return policy


def round_trip(suite, folder, recording):
    """Learns, and allows what was learnt commented out: a person would read these lines."""
    policy = learn(suite, folder, recording)
    text = policy.read_text()
    policy.write_text(text.replace("# classes:", "classes:").replace("#   ", "  ") if "# classes:" in text else text)
    abitrace(suite, "policy", "check", policy, cwd=folder)
    abitrace(suite, "replay", "--policy", policy, recording, cwd=folder)
    return policy


def learned_case(suite, command, prepare=None):
    folder, recording = record(suite, command, prepare)
    policy = round_trip(suite, folder, recording)
    # What it did once it can do again.
    shutil.rmtree(folder)
    folder.mkdir(mode=0o755)
    if prepare:
        prepare(folder)
    code, _, errors = suite.execute([suite.tracer, "run", "--policy", policy, "--", *command], cwd=folder)
    require(code == 0, f"held to what was learnt: {ending(code)} {short(errors)}")
    comments = policy.read_text().count("#")
    with policy.open("a") as file:
        file.write("# a comment at the end\n")
    smaller = suite.path(".smaller.yaml")
    abitrace(suite, "policy", "shrink", "-o", smaller, policy, recording, cwd=folder)
    require("# a comment at the end" in smaller.read_text() and comments > 0, "a comment was lost")
    abitrace(suite, "replay", "--policy", smaller, recording, cwd=folder)
    # A grant that nobody used goes, and only it.
    text = smaller.read_text().replace("files:\n", "files:\n  /abitrace-nobody: rw\n", 1)
    policy.write_text(text)
    again = suite.path(".again.yaml")
    abitrace(suite, "policy", "shrink", "-o", again, policy, recording, cwd=folder)
    require(again.read_text() == smaller.read_text(), "shrinking dropped something else")
    abitrace(suite, "policy", "diff", again, smaller, recording, cwd=folder)
    told = abitrace(suite, "policy", "diff", policy, smaller, recording, cwd=folder, expect=1)
    require("/abitrace-nobody" in told and "lost rw" in told, f"diff: {told}")


def changed_case(suite):
    python = [sys.executable, "-I", "-c"]
    folder, recording = record(suite, [*python, DATABASE])
    policy = round_trip(suite, folder, recording)
    _, changed = record(suite, [*python, CHANGED], name=".changed.mcap")
    report = suite.path(".xml")
    told = abitrace(suite, "replay", "--policy", policy, "--junit", report, changed, cwd=folder, expect=1)
    require("file.open /var/tmp/abitrace-new-file: deny EACCES" in told, f"the new file: {told[:500]}")
    require("sock.create" in told and "sock.connect tcp 127.0.0.1:9" in told, f"the new connection: {told[:500]}")
    require('allowed by network: {connect: ["tcp 127.0.0.1:9"]}' in told, f"no line for it: {told[:500]}")
    require(xml.etree.ElementTree.parse(report).getroot().get("failures") == "1", "JUnit tells of no failure")
    expectations = suite.path(".expectations.yaml")
    lines = [f"  - {{file: {recording}, refused: none}}", f"  - {{file: {changed}, refused: [file.open, sock]}}"]
    expectations.write_text("abitrace: expectations/1\nrecordings:\n" + "\n".join(lines) + "\n")
    told = abitrace(suite, "policy", "test", policy, expectations, cwd=folder, expect=1)
    require("- sock" in told and "+ sock.connect tcp 127.0.0.1:9" in told, f"policy test: {told}")
    before = policy.read_text()
    abitrace(suite, "policy", "fix", "--dry-run", policy, changed, cwd=folder, expect=1)
    require(policy.read_text() == before, "a dry run changed the policy")
    abitrace(suite, "policy", "fix", "--all", policy, changed, cwd=folder)
    after = policy.read_text()
    kept = [line for line in before.splitlines() if line not in after.splitlines()]
    require(not kept, f"fixing took lines away: {kept}")
    for part in ("tcp 127.0.0.1:9", "/var/tmp/abitrace-new-file"):
        require(part in after, f"no {part} in the policy: {after}")
    abitrace(suite, "replay", "--policy", policy, recording, changed, cwd=folder)
    abitrace(suite, "policy", "fix", policy, changed, cwd=folder)


CHOSEN = """import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'served')
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f'http://127.0.0.1:{server.server_port}/').read())
"""


def chosen_port_case(suite):
    """What was learnt of a program whose port the kernel chooses holds for its next runs."""
    command = [sys.executable, "-I", "-c", CHOSEN]
    folder, recording = record(suite, command)
    policy = round_trip(suite, folder, recording)
    again = suite.path(".again.mcap")
    suite.execute([suite.tracer, "record", "-o", again, "--", *command], cwd=folder)
    abitrace(suite, "replay", "--policy", policy, again, cwd=folder)
    for _ in range(3):
        code, output, errors = suite.execute([suite.tracer, "run", "--policy", policy, "--", *command], cwd=folder)
        require(code == 0 and output == b"b'served'\n", f"{ending(code)} {short(output)} {short(errors)}")


def merge_case(suite):
    one, two = suite.path(".one.yaml"), suite.path(".two.yaml")
    one.write_text("abitrace: policy/1\nfiles: {/usr: ro, /srv: rw}\n")
    two.write_text("abitrace: policy/1\nfiles: {/usr: rw}\nnetwork: {connect: [tcp 10.0.0.1:80]}\n")
    narrow, wide = suite.path(".narrow.yaml"), suite.path(".wide.yaml")
    abitrace(suite, "policy", "merge", "-o", narrow, one, two)
    told = abitrace(suite, "policy", "diff", one, narrow, expect=1)
    require("gained" not in told and "/srv" in told, f"the narrower: {told}")
    abitrace(suite, "policy", "merge", "--union", "-o", wide, one, two)
    for policy in (one, two):
        told = abitrace(suite, "policy", "diff", policy, wide, expect=1)
        require("lost" not in told and "gained" in told, f"the union: {told}")


def run(suite):
    suite.case("authoring/make", make_case)
    suite.case("authoring/git", git_case)
    suite.case("authoring/seen_late", seen_late_case, "record", "--interceptor=ebpf")
    suite.case("authoring/seen_late/held", seen_late_case, "run", "--policy", "build")
    suite.case("authoring/database", learned_case, [sys.executable, "-I", "-c", DATABASE])
    suite.case("authoring/changed", changed_case)
    suite.case("authoring/chosen_port", chosen_port_case)
    suite.case("authoring/merge", merge_case)


def make_case(suite):
    need("make")
    learned_case(suite, ["make", "-s"], write_project)


def seen_late_case(suite, *way):
    """What is learnt from calls that nobody stood still for holds, too: where links lead is looked up when it is learnt."""
    need_ebpf()
    need("make")
    folder, command = suite.path(".work"), ["make", "-s"]
    recording = suite.path(".mcap")
    for flags in ([*way, "-o", recording], None):
        policy = None if flags else learn(suite, folder, recording)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        write_project(folder)
        code, _, errors = suite.execute(
            [suite.tracer, *(flags or ["run", "--policy", policy]), "--", *command], cwd=folder)
        require(code == 0, f"{'recorded' if flags else 'held to what was learnt'}: {ending(code)} {short(errors)}")


def git_case(suite):
    need("git")
    learned_case(
        suite, ["git", "clone", "-q", "--no-local", "origin", "copy"], lambda folder: write_repository(suite, folder))
