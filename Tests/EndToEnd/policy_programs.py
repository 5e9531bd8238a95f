# Real programs under shipped policies, as their owner and as an ordinary user: what they print, how they end and which
# files they leave must be what they are bare.

import os
import shutil
import stat
from pathlib import Path

import attacks
from harness import Skip, ending, require

REDIS = """redis-server --port {port} --bind 127.0.0.1 --save '' --logfile log --unixsocket $PWD/socket &
for i in 1 2 3 4 5 6 7 8 9; do redis-cli -p {port} ping >/dev/null 2>&1 && break; sleep .3; done
redis-benchmark -p {port} -n 1000 -c 5 -q -t set,get | tr '\\r' '\\n' | grep requests | sed 's/:.*//'
redis-cli -p {port} set a 1; redis-cli -s $PWD/socket get a; redis-cli -p {port} bgsave; sleep 1
redis-cli -p {port} shutdown nosave; wait $!; echo ended $?; rm -f log
"""
NGINX = """mkdir -p www; echo hello > www/index.html
cat > conf <<X
worker_processes 2; pid $PWD/pid; error_log $PWD/log; daemon off; events { worker_connections 64; }
http { access_log off; client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5; server { listen 127.0.0.1:{port}; root $PWD/www; } }
X
nginx -p $PWD -c $PWD/conf -e $PWD/log &
for i in 1 2 3 4 5 6 7 8 9; do curl -s -o page http://127.0.0.1:{port}/ && break; sleep .3; done
cat page; ab -q -n 200 -c 4 http://127.0.0.1:{port}/ | grep -E 'Complete|Failed'
kill -QUIT $!; wait $!; echo ended $?; rm -f log
"""
NODE = """node -e 'const h=require("http").createServer((q,r)=>r.end("served")).listen(0,"127.0.0.1",()=>{
require("http").get({port:h.address().port,host:"127.0.0.1"},r=>{r.on("data",d=>console.log(""+d));r.on("end",()=>h.close())})})
require("fs").writeFileSync("made","x"); console.log(""+require("child_process").execSync("echo child"))'
"""
JAVA = """cat > Main.java <<X
import com.sun.net.httpserver.*; import java.net.*; import java.net.http.*;
public class Main { public static void main(String[] a) throws Exception {
var s = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
s.createContext("/", x -> { x.sendResponseHeaders(200, 2); x.getResponseBody().write("ok".getBytes()); x.close(); }); s.start();
var u = URI.create("http://127.0.0.1:" + s.getAddress().getPort() + "/");
System.out.println(HttpClient.newHttpClient().send(HttpRequest.newBuilder(u).build(), HttpResponse.BodyHandlers.ofString()).body());
System.exit(0); } }
X
javac Main.java && java -Xmx64m -cp . Main
"""
GIT = """git init -q; git config user.name n; git config user.email a@b; echo 1 > f; git add f
GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' git commit -qm one
git clone -q . ../{name}.clone; git -C ../{name}.clone log --format=%H; rm -rf ../{name}.clone
git gc -q; git status --short; git log --stat --format=%h
"""
SHELL = """set -m; sleep 9 & kill -STOP %1; sleep .2; jobs | sed 's/ *$//'; kill %1; kill -CONT %1; wait %1; echo $?
echo a | tr a b | sed s/b/c/; (exit 3); echo $?; trap 'echo caught' USR1; kill -USR1 $$
mkfifo p; (echo through > p &); cat p; cat <(echo substituted); trap 'echo term' TERM; kill -TERM 0; umask 027; touch t; echo end
"""
TOOLS = """seq 300 > n; gzip -k9n n; tar --sort=name --mtime=@0 -czf n.tgz n; mkdir x; tar xzf n.tgz -C x; cmp n x/n
find . -name 'n*' -print0 | sort -z | xargs -0 -P2 -n1 wc -c | sort; perl -e 'print -s "n", "\\n"; print `echo sub`'
"""
PYTHON = """/usr/bin/python3 - <<X
import threading, subprocess, sqlite3, tempfile, os, resource
t = [threading.Thread(target=lambda n=n: open(f"t{n}", "w").write("x" * n)) for n in range(8)]
[x.start() for x in t]; [x.join() for x in t]
print(subprocess.run(["sh", "-c", "echo sub; exit 4"], capture_output=True))
c = sqlite3.connect("d.db"); c.execute("pragma journal_mode=wal"); c.execute("create table t(a)"); c.executemany("insert into t values(?)", [(i,) for i in range(100)])
c.commit(); print(c.execute("select sum(a) from t").fetchall()); c.close()
with tempfile.TemporaryDirectory(dir=".") as d: os.symlink("x", d + "/l"); print(os.readlink(d + "/l"))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw >= 0)
X
"""
CARGO = """cargo init -q --name hello --vcs none . && cargo build -q --offline && target/debug/hello; rm -rf target"""
MAKE = r"""for i in 0 1 2 3; do echo "int part$i(void) { return $i; }" > part$i.c; done
echo 'int part0(void), part1(void), part2(void), part3(void); int main(void) { return part0() + part1() + part2() + part3(); }' > main.c
printf 'all: part0.o part1.o part2.o part3.o main.o\n\t@gcc -o all $^\n%%.o: %%.c\n\t@gcc -O2 -g -c -o $@ $<\n' > Makefile
make -s -j2; ./all; echo $?; make -s; touch main.c; make -n; gcc missing.c 2>&1; echo $?; ar rc lib.a part0.o part1.o; ar t lib.a
g++ -x c++ -o plus - <<X && ./plus
#include <iostream>
int main() { std::cout << "plus" << std::endl; }
X
"""
SQLITE = """sqlite3 data "create table t(a); with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
insert into t select i from n; select sum(a) from t; pragma journal_mode=wal; insert into t values(1); vacuum;"
sqlite3 data "select count(*) from t; select * from missing" 2>&1; echo $?; sqlite3 data .dump | tail -1; sqlite3 data ".backup copy"
sqlite3 copy "pragma integrity_check"
"""
CURL = """mkdir www; seq 100000 > www/page
/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory www {port} >/dev/null 2>&1 &
for i in $(seq 50); do curl -s -o got http://127.0.0.1:{port}/page && break; sleep .3; done
cmp got www/page && echo same; curl -sSf -o none http://localhost:{port}/missing 2>&1; echo $?
curl -s -r 0-9 http://127.0.0.1:{port}/page -D - -o /dev/null | head -1; kill $!; wait $!; echo ended $?
curl -sS http://127.0.0.1:1/ 2>&1 | sed 's/after .*//'
"""

# Policy, name, script and what it needs.
CASES = [
    ("offline-test", "redis", REDIS, ["redis-server", "redis-benchmark"]), ("offline-test", "nginx", NGINX, ["nginx", "ab", "curl"]),
    ("offline-test", "node", NODE, ["node"]), ("offline-test", "java", JAVA, ["javac"]), ("build", "git", GIT, ["git"]),
    ("build", "shell", SHELL, ["bash"]), ("untrusted", "shell", SHELL, ["bash"]), ("build", "tools", TOOLS, ["perl", "tar"]),
    ("untrusted", "tools", TOOLS, ["perl", "tar"]), ("build", "python", PYTHON, []), ("untrusted", "python", PYTHON, []),
    ("build", "cargo", CARGO, ["cargo"]), ("build", "make", MAKE, ["make", "g++"]), ("build", "sqlite", SQLITE, ["sqlite3"]),
    ("untrusted", "sqlite", SQLITE, ["sqlite3"]), ("offline-test", "curl", CURL, ["curl"]),
]


def listing(folder):
    """Names, types, modes, owners and, where it is no database or index, sizes."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if ".git/" in str(path):
            continue
        status = path.lstat()
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        lines.append(f"{path.relative_to(folder)} {status.st_mode:o} {status.st_uid} {status.st_gid} {size}")
    return lines


def program_case(suite, policy, name, script, needs, user, port):
    missing = [need for need in needs if not shutil.which(need, path="/usr/bin:/usr/sbin:/bin:" + os.environ["PATH"])]
    if missing:
        raise Skip(f"no {missing[0]} here")
    if user and name == "cargo":
        raise Skip("the toolchain lies in its owner's home")
    # Where the policies hide /tmp, a program needs another place to be in.
    base = Path("/var/opt") if policy == "untrusted" else suite.folder
    seen = []
    for prefix in ([], [suite.tracer, "run", "--policy", suite.folder / "policies" / f"{policy}.yaml", "--"]):
        folder = base / f"abitrace-{os.getpid()}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if user:
            os.chown(folder, attacks.as_user(user)["user"], attacks.as_user(user)["group"])
        try:
            text = script.replace("{port}", str(port)).replace("{name}", folder.name)
            # Settings of the home that the suite runs in are not a program's here; cargo's own lie there.
            home = [] if name == "cargo" else [f"HOME={folder}"]
            code, output, errors = suite.execute(
                [*prefix, "/usr/bin/env", *home, "bash", "-c", text], cwd=folder, **attacks.as_user(user))
            seen.append((code, output.decode(errors="replace").splitlines(), listing(folder), errors))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    (code, output, files, _), (held_code, held_output, held_files, errors) = seen
    tail = " | ".join(line for line in errors.splitlines() if "warning" not in line and line[:1] != " ")[-300:]
    require(output, "the program printed nothing")
    require(held_code == code, f"bare {ending(code)}, held {ending(held_code)}: {tail}")
    require(held_output == output, f"bare printed {output[:9]}, held {held_output[:9]}: {tail}")
    require(held_files == files, f"other files: {sorted(set(files) ^ set(held_files))[:6]}: {tail}")


def run(suite):
    if suite.wanted and not any(prefix.startswith("held") for prefix in suite.wanted):
        return
    os.chmod(suite.folder, 0o755)
    source = Path(__file__).resolve().parents[2] / "policies"
    shutil.copytree(source, suite.folder / "policies", dirs_exist_ok=True)
    tracer = suite.tracer
    suite.tracer = suite.folder / "abitrace-for-all"
    if not suite.tracer.exists():
        shutil.copy(tracer, suite.tracer)
    port = 20000 + os.getpid() % 20000
    for policy, name, script, needs in CASES:
        for user in (None, "nobody"):
            if user and os.geteuid() != 0:
                continue
            suite.case(f"held/{policy}/{name}/{user or 'owner'}", program_case, policy, name, script, needs, user, port)
    suite.tracer = tracer
