# Programs that people run, bare, traced and recorded: the same output, exit code and files; the recording shows and
# replays what the live trace showed.

import hashlib
import http.server
import os
import re
import shutil
import sys
import threading

from harness import by_thread, check_ends, ending, need, require, short

# What git writes with times and inode numbers in it.
VARIES = ("/.git/index", "/.git/logs/")


def tree(folder):
    """Every file below a folder: kind, mode and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = "/" + str(path.relative_to(folder))
        if any(part in name for part in VARIES):
            continue
        mode = path.lstat().st_mode
        if path.is_symlink():
            found[name] = (mode, os.readlink(path))
        elif path.is_file():
            found[name] = (mode, hashlib.sha256(path.read_bytes()).hexdigest())
        else:
            found[name] = (mode, "")
    return found


def equal_case(suite, prepare, command, visible=None):
    """Runs a command in a fresh folder bare and traced; the trace, its recording and the replay agree.

    `prepare` fills the folder; `visible` cuts an output down to what does not vary from run to run."""
    visible = visible or (lambda output: output)
    folder = suite.path(".work")
    text, recording = suite.path(".trace"), suite.path(".mcap")
    tracer = [suite.tracer, "-f", "-ttt", "-T", "-o", text, "--record", recording, "--"]
    results = []
    for prefix in ([], tracer):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        if prepare:
            prepare(folder)
        code, output, errors = suite.execute([*prefix, *command], cwd=folder)
        # A crowded machine may be slow to write the recording, which is said.
        errors = re.sub(r"(?m)^abitrace: the program waited \d+ ms .*\n?", "", errors)
        results.append((ending(code), visible(output), errors, tree(folder)))
    for what, bare, traced in zip(("ending", "output", "errors", "files"), *results):
        require(bare == traced, f"{what}: bare {str(bare)[:150]}, traced {str(traced)[:150]}")
    live = text.read_text(errors="surrogateescape")
    for show in ("show", "replay"):
        again = suite.path(".again")
        code, _, errors = suite.execute([suite.tracer, show, "-f", "-ttt", "-T", "-o", again, recording])
        require(code == 0, f"{show}: {ending(code)} {short(errors)}")
        require(again.read_text(errors="surrogateescape") == live, f"{show} of the recording is not the live text")
    undated = re.sub(r"(?m)^(\d+ +)\d+\.\d+ ", r"\1", live)
    check_ends(undated, int(results[0][0].split()[1]) * (-1 if results[0][0].startswith("signal") else 1))
    return results[0], undated


def write_project(folder):
    for number in range(4):
        (folder / f"part{number}.c").write_text(f"int part{number}(void) {{ return {number}; }}\n")
    (folder / "main.c").write_text(
        "int part0(void), part1(void), part2(void), part3(void);\n"
        "int main(void) { return part0() + part1() + part2() + part3(); }\n")
    (folder / "Makefile").write_text(
        "all: part0.o part1.o part2.o part3.o main.o\n\t@gcc -o all $^\n%.o: %.c\n\t@cc -O2 -c -o $@ $<\n")


def write_repository(suite, folder):
    origin = folder / "origin"
    (origin / "folder").mkdir(parents=True)
    environment = {"GIT_AUTHOR_DATE": "@1 +0000", "GIT_COMMITTER_DATE": "@1 +0000"}
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    git = ["env", *(f"{name}={value}" for name, value in environment.items()), "git", "-C", origin, *identity]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        (origin / "folder" / "file").write_text("content\n" * 1000)
        (origin / "link").unlink(missing_ok=True)
        (origin / "link").symlink_to("folder/file")
        code, _, errors = suite.execute([*git, *command])
        require(code == 0, short(errors))


def git_case(suite):
    need("git")
    result, _ = equal_case(
        suite, lambda folder: write_repository(suite, folder), ["git", "clone", "-q", "--no-local", "origin", "copy"])
    require("/copy/folder/file" in result[3], "nothing was cloned")


PYTHON = """
import subprocess, threading
def work(): open('/proc/self/stat').read()
threads = [threading.Thread(target=work) for _ in range(6)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
children = [subprocess.run(['sh', '-c', f'exit {code}']).returncode for code in range(3)]
piped = subprocess.run(['sort'], input=b'b\\na\\n', stdout=subprocess.PIPE).stdout
print('joined', len(threads), children, piped)
"""


def python_case(suite):
    result, text = equal_case(suite, None, [sys.executable, "-I", "-c", PYTHON])
    require(result[1] == b"joined 6 [0, 1, 2] b'a\\nb\\n'\n", f"bare: {result[1:3]}")
    threads = len(by_thread(text))
    require(threads == 11, f"{threads} threads and processes in the trace, not 11")


def make_case(suite):
    need("make")
    result, _ = equal_case(suite, write_project, ["make", "-s", "-j2"])
    require("/all" in result[3], "nothing was built")


def gcc_case(suite):
    result, _ = equal_case(suite, write_project, ["sh", "-c", "gcc -O1 -o all *.c; ./all; echo $?; gcc missing.c"])
    require(result[0] == "exit 1" and result[1] == b"6\n", f"bare: {result[:3]}")


SQL = ("create table t(a); with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) "
       "insert into t select i from n; select sum(a) from t; select * from missing;")


def sqlite_case(suite):
    need("sqlite3")
    result, _ = equal_case(suite, None, ["sqlite3", "database", SQL])
    require(result[1] == b"125250\n" and "/database" in result[3], f"bare: {result[:3]}")


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def curl_case(suite):
    need("curl")
    served = suite.path(".served")
    served.mkdir()
    (served / "page").write_bytes(os.urandom(300_000))
    with http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *parts: Silent(*parts, directory=served)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        result, _ = equal_case(
            suite, None, ["curl", "-sSf", "-o", "page", f"{address}/page", "-o", "none", f"{address}/missing"])
        server.shutdown()
    require(result[3]["/page"][1] == hashlib.sha256((served / "page").read_bytes()).hexdigest(), "the page differs")


def pipeline_case(suite):
    def prepare(folder):
        (folder / "in").mkdir()
        for number in range(20):
            (folder / "in" / str(number)).write_text(f"{number}\n" * 3000)
    command = ("tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - in | gzip -n | tee copy.gz | gzip -d | tar tf - "
               "| sort | tail -3; echo ${PIPESTATUS[*]}; yes | head -2")
    equal_case(suite, prepare, ["bash", "-c", command])


PERL = r"""
$SIG{USR1} = sub { print "got $_[0]\n" }; $| = 1;
pipe(R, W); my $child = fork();
if (!$child) { close R; print W "from child\n"; close W; kill 'USR1', getppid(); exit 3 }
close W; print <R>; waitpid($child, 0); print "status ", $? >> 8, "\n";
open(F, '>', 'made') or die; print F "line $_\n" for 1..100; close F; chmod 0600, 'made'; rename 'made', 'moved';
print `echo from a shell`; my $gone = kill 0, $child; print "gone $gone\n"; exit 9;
"""


def perl_case(suite):
    need("perl")
    result, _ = equal_case(
        suite, None, ["perl", "-e", PERL], visible=lambda output: sorted(output.splitlines()))
    require(result[0] == "exit 9" and b"got USR1" in result[1], f"bare: {result[:3]}")


BASH = r"""
set -m
trap 'echo usr1' USR1; trap 'echo term' TERM; trap 'echo leaving' EXIT
kill -USR1 $$; kill -TERM $$
sleep 100 & kill -STOP %1; sleep 0.2; jobs -s | sed 's/  */ /g'; kill %1; kill -CONT %1; wait %1; echo "wait $?"
(trap '' INT; kill -INT $BASHPID; echo survived); (kill -KILL $BASHPID); echo "killed $?"
sh -c 'kill -SEGV $$' ; echo "fault $?"
sleep 0.3 & wait $!; echo "slept $?"; read -t 0.1 line < <(sleep 1); echo "read $(( $? > 128 ))"
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"; kill %?cat; wait 2>/dev/null
exit 5
"""


def without_core(output):
    return output.replace(b" (core dumped)", b"")


def bash_case(suite):
    result, text = equal_case(suite, None, ["bash", "-c", f"exec 2>/dev/null; {BASH}"], visible=without_core)
    for words in (b"usr1\nterm\n", b"Stopped", b"wait 143", b"survived", b"killed 137", b"fault 139", b"through"):
        require(words in result[1], f"bare, without {words}: {result[1]}")
    require("--- stopped by SIGSTOP ---" in text, "no '--- stopped by SIGSTOP ---'")


def dying_case(suite, name):
    result, _ = equal_case(suite, None, ["sh", "-c", f"trap - {name}; kill -{name} $$; sleep 5"])
    require(result[0].startswith("signal"), f"bare: {result[0]}")


def server_case(suite):
    program = suite.folder / "programs" / "thread_server"
    result, text = equal_case(suite, None, [program, "8", "150"])
    require(result[1] == b"1200 answers\n", f"bare: {result[:3]}")
    accepted = len(re.findall(r"(?m)^\d+ +(?:accept\(3, |<\.\.\. accept resumed>).* = \d", text))
    require(accepted == 1204, f"{accepted} connections accepted in the trace, not 1204")


REDIS = r"""
redis-server --save '' --port 0 --unixsocket "$PWD/s" --dir . >/dev/null &
until redis-cli -s s ping >/dev/null 2>&1; do sleep 0.05; done
redis-benchmark -s s -n 300 -c 8 -q -t set,get,incr,lpush | tr '\r' '\n' | sed -n 's/^\([A-Z]*\): .*per second.*/\1/p'
redis-cli -s s incr counter:__rand_int__; redis-cli -s s llen mylist; redis-cli -s s shutdown nosave; wait; echo $?
"""


def redis_case(suite):
    need("redis-server")
    need("redis-benchmark")
    result, _ = equal_case(suite, None, ["bash", "-c", REDIS])
    require(b"SET\nGET\nINCR\nLPUSH\n301\n300\n" in result[1], f"bare: {result[:3]}")


NODE = """
const { execSync } = require('child_process'), fs = require('fs'), { Worker } = require('worker_threads');
for (let i = 0; i < 100; i++) fs.writeFileSync('made' + i % 5, 'x'.repeat(i));
const said = execSync('echo through | tr a-z A-Z').toString().trim();
const worker = new Worker("const { parentPort } = require('worker_threads'); parentPort.postMessage(6 * 7)", { eval: true });
worker.on('message', (sum) => { console.log(said, sum); process.exitCode = 3; });
"""


def node_case(suite):
    need("node")
    result, _ = equal_case(suite, None, ["node", "-e", NODE])
    require(result[0] == "exit 3" and result[1] == b"THROUGH 42\n", f"bare: {result[:3]}")


JAVA = """
import java.nio.file.*; import java.util.*; import java.util.concurrent.*;
public class Main {
    public static void main(String[] words) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(6);
        List<Future<Long>> sizes = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            final int number = i;
            sizes.add(pool.submit(() -> Files.size(Files.writeString(Path.of("made" + number), "y".repeat(number)))));
        }
        long sum = 0;
        for (Future<Long> size : sizes) sum += size.get();
        pool.shutdown();
        Process child = new ProcessBuilder("sh", "-c", "echo child; exit 4").start();
        String said = new String(child.getInputStream().readAllBytes()).trim();
        System.out.println(sum + " " + said + " " + child.waitFor());
        System.exit(5);
    }
}
"""


def java_case(suite):
    need("java")
    result, _ = equal_case(
        suite, lambda folder: (folder / "Main.java").write_text(JAVA), ["java", "-XX:-UsePerfData", "Main.java"])
    require(result[0] == "exit 5" and result[1] == b"190 child 4\n", f"bare: {result[:3]}")


def run(suite):
    suite.case("real/git_clone", git_case)
    suite.case("real/python", python_case)
    suite.case("real/make", make_case)
    suite.case("real/gcc", gcc_case)
    suite.case("real/sqlite", sqlite_case)
    suite.case("real/curl", curl_case)
    suite.case("real/pipeline", pipeline_case)
    suite.case("real/perl", perl_case)
    suite.case("real/bash", bash_case)
    for name in ("TERM", "SEGV", "PIPE"):
        suite.case(f"real/death_by_{name}", dying_case, name)
    suite.case("real/threaded_server", server_case)
    suite.case("real/redis", redis_case)
    suite.case("real/node", node_case)
    suite.case("real/java", java_case)
