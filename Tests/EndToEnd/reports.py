# What is made of recordings: exports in the forms of other programs, and the page for people.

import base64
import hashlib
import json
import re
import sqlite3
import time
from html.parser import HTMLParser

from browser import Browser
from harness import SYSTEM, Failure, ending, require, short

SCRIPT = 'cat /etc/hostname /no/such; echo two > "a;b c"; rm "a;b c"; /bin/true & wait'


def recorded(suite, *command):
    folder = suite.path(".dir")
    folder.mkdir()
    recording = folder / "run.mcap"
    suite.execute([suite.tracer, "record", "-o", recording, "--", *command], cwd=folder)
    require(recording.exists(), "nothing was recorded")
    return recording


def exported(suite, recording, form, *flags):
    target = suite.path(f".{form}")
    code, _, errors = suite.execute([suite.tracer, "export", "--to", form, *flags, "-o", target, recording])
    require(code == 0, f"{form}: {ending(code)} {short(errors)}")
    return target


def calls_of(suite, recording):
    """The calls of a recording as show --json tells them: what every form is held against."""
    _, output, _ = suite.execute([suite.tracer, "show", "--json", recording])
    return [line for line in map(json.loads, output.decode().splitlines()) if line["event"] == "call"]


def trace_events_case(suite):
    recording = recorded(suite, "sh", "-c", SCRIPT)
    calls = calls_of(suite, recording)
    events = json.loads(exported(suite, recording, "chrome").read_text())["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]
    require(len(slices) == len(calls), f"{len(slices)} slices, {len(calls)} calls")
    by_id = {event["args"]["id"]: event for event in slices}
    for call in calls:
        event = by_id[call["id"]]
        require((event["name"], event["cat"], event["tid"]) == (call["call"], call["class"], call["thread"]),
                f"call {call['id']} is {event['name']}")
        require(abs(event["dur"] * 1000 - call.get("duration", 0)) < 1, f"call {call['id']} takes {event['dur']}")
        require(event["ts"] >= 0, f"call {call['id']} is at {event['ts']}")
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    require({"sh", "cat", "rm", "true"} <= set(names.values()), f"the processes are {names}")
    threads = {event["tid"] for event in events if event["name"] == "thread_name"}
    require(threads == {call["thread"] for call in calls}, f"the tracks are {threads}")


def folded_case(suite):
    recording = recorded(suite, "sh", "-c", SCRIPT)
    calls = calls_of(suite, recording)
    for weight, total in (("count", len(calls)), ("time", sum(call.get("duration", 0) for call in calls))):
        lines = exported(suite, recording, "folded", "--weight", weight).read_text().splitlines()
        parts = [re.fullmatch(r"([^; ]+);([a-z]+);([a-z]+\.[a-z_]+) (\d+)", line) for line in lines]
        require(all(parts), f"a line is no stack: {lines[:3]}")
        require(sum(int(part[4]) for part in parts) == total, f"{weight}: the weights do not sum up to {total}")
        require(any(part[1] == "cat" and part[3] == "file.open" for part in parts), "cat opens nothing")


def database_case(suite):
    recording = recorded(suite, "sh", "-c", SCRIPT)
    calls = calls_of(suite, recording)
    database = sqlite3.connect(exported(suite, recording, "sqlite"))
    require(database.execute("PRAGMA integrity_check").fetchone() == ("ok",), "the database is not whole")
    rows = database.execute("SELECT id, name, operation, errno FROM calls ORDER BY id").fetchall()
    wanted = sorted((call["id"], call["call"], call["operation"], call.get("errno")) for call in calls)
    require(rows == wanted, f"{len(rows)} rows, {len(wanted)} calls, or they differ")
    absent = database.execute(
        "SELECT errno FROM calls JOIN items ON call = id WHERE items.name = 'path' AND text = '/no/such'").fetchall()
    require(("ENOENT",) in absent, f"/no/such: {absent}")
    name = database.execute(
        "SELECT text FROM items JOIN calls ON call = id WHERE operation = 'file.unlink'").fetchall()
    require(("a;b c",) in name, f"removed: {name}")
    commands = [row[0] for row in database.execute("SELECT command FROM processes WHERE ending = 'exited with 0'")]
    require("/bin/true" in commands, f"the commands are {commands}")
    read = database.execute("SELECT count(*) FROM descriptors WHERE name = '/etc/hostname'").fetchone()[0]
    require(read >= 2, "no descriptor stands for /etc/hostname")
    require(database.execute("SELECT count(*) FROM signals WHERE name = 'SIGCHLD'").fetchone()[0], "no SIGCHLD")
    code, _, errors = suite.execute([suite.tracer, "export", "--to", "sqlite", "-o", "/no/such/run.db", recording])
    require(code == 1 and "/no/such/run.db" in errors, f"{ending(code)} {short(errors)}")


def lines_case(suite):
    recording = recorded(suite, "cat", "/etc/hostname")
    text = exported(suite, recording, "strace").read_text()
    pattern = r'^\d+ +\d{10}\.\d{6} openat\(AT_FDCWD<[^>]+>, "/etc/hostname", O_RDONLY\) = 3</etc/hostname> <0\.\d{6}>$'
    require(re.search(pattern, text, re.M), f"no such openat: {short(text)}")
    lines = list(map(json.loads, exported(suite, recording, "jsonl").read_text().splitlines()))
    calls = calls_of(suite, recording)
    require([line["id"] for line in lines if line["event"] == "call"] == [call["id"] for call in calls], "other calls")


class Page(HTMLParser):
    """Text and tags as a browser would take them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.attributes = {}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += attributes

    def handle_data(self, data):
        self.words.append(data)


def reported(suite, recording, *flags):
    target = suite.path(".html")
    code, _, errors = suite.execute([suite.tracer, "report", *flags, "-o", target, recording])
    require(code == 0, f"{ending(code)} {short(errors)}")
    return target.read_text()


def page_case(suite):
    text = reported(suite, recorded(suite, "sh", "-c", SCRIPT))
    page = Page(text)
    words = " ".join(page.words)
    for part in ("/etc/hostname", "a;b c", "ENOENT", "file.open", "/no/such", "rm a;b c"):
        require(part in words or part.rsplit("/", 1)[-1] in page.words, f"no {part}")
    outside = [value for name, value in page.attributes if name in ("src", "href") and not value.startswith("#")]
    require(not outside and "url(" not in text and "@import" not in text, f"the page loads {outside}")
    script = re.search(r"<script>(.*?)</script>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    require(f"sha256-{digest}" in dict(page.attributes)["content"] or f"sha256-{digest}" in text,
            f"the page's policy does not name its own script, sha256-{digest}")


def hostile_page_case(suite):
    """Names with markup, ends of lines, other directions and no UTF-8 stay text."""
    names = ["</script><script>alert(1)", "<img src=x onerror=alert(2)>", '" onmouseover="alert(3)', "new\nline",
             "\u202egnp.exe", "&lt;b&gt;"]
    text = reported(suite, recorded(suite, "sh", "-c", 'cat "$@" "$(printf "bad\\377")"', "sh", *names))
    page = Page(text)
    require(page.tags["script"] == 1 and "img" not in page.tags, f"tags of the program's: {page.tags}")
    require(not [name for name, _ in page.attributes if name.startswith("on")], "a handler of the program's")
    words = "".join(page.words)
    for part in ("<img src=x onerror=alert(2)>", '" onmouseover="alert(3)', "new\\nline", "bad\\xff", "\\u202egnp.exe",
                 "&lt;b&gt;"):
        require(part in words, f"no {part}")


def judged_page_case(suite):
    policy = suite.path(".yaml")
    policy.write_text("abitrace: policy/1\nname: little\nfiles:\n  /usr: ro\n")
    text = reported(suite, recorded(suite, "cat", "/etc/hostname"), "--policy", policy)
    require("would be refused" in text and "/etc/hostname" in text, "no refusals")
    require('id="policy"' in text, "no section of the policy")


def decided_page_case(suite):
    """What was decided while it was recorded, by the lines as they were then."""
    folder, policy = suite.path(".dir"), suite.path(".yaml")
    folder.mkdir()
    policy.write_text(SYSTEM + "  /etc/hostname: none\nclasses:\n  sys.info: warn\n")
    recording = folder / "run.mcap"
    suite.execute([suite.tracer, "run", "--policy", policy, "-o", recording, "--", "sh", "-c", "cat /etc/hostname; uname"])
    policy.write_text("abitrace: policy/1\n")
    text = reported(suite, recording)
    words = "".join(Page(text).words)
    for part in (f"{policy}:11  /etc/hostname: none", "file.open /etc/hostname", "it is not there for this program",
                 "deny ENOENT", f"{policy}:13  sys.info: warn", "refused or changed"):
        require(part in words, f"no {part}")
    require('id="decisions"' in text, "no section of the decisions")
    recording = folder / "allowed.mcap"
    policy.write_text(SYSTEM)
    suite.execute([suite.tracer, "run", "--policy", policy, "-o", recording, "--", "cat", "/etc/passwd"])
    require("that were asked about was allowed" in reported(suite, recording), "no word of what was allowed")


def empty_page_case(suite):
    """Nothing happened, and each section says so."""
    folder = suite.path(".dir")
    folder.mkdir()
    recording = recorded(suite, suite.folder / "programs" / "no_libc")
    words = "".join(Page(reported(suite, recording)).words)
    for part in ("Nothing was changed", "No address was named.", "No call failed.", "No process changed who it is."):
        require(part in words, f"no '{part}' in {words[-600:]}")
    cut = folder / "cut.mcap"
    cut.write_bytes(recording.read_bytes()[:60])
    code, _, errors = suite.execute([suite.tracer, "report", "-o", folder / "cut.html", cut])
    require(code == 0 and "cut off" in errors, f"{ending(code)} {errors}")
    words = "".join(Page((folder / "cut.html").read_text()).words)
    for part in ("cut off at byte", "No process was seen.", "No file was named.", "Nothing was run while"):
        require(part in words, f"no '{part}' in {words[-600:]}")


def browser_case(suite):
    """In a browser: both colour schemes, nothing loaded, and everything by the keyboard."""
    script = "import os\nfor i in range(2000):\n  try: os.stat(f'/no/{i % 50}/such-file-{i}')\n  except OSError: pass"
    recording = recorded(suite, "sh", "-c", f'{SCRIPT}; /usr/bin/python3 -S -c "$1"; : {"long " * 60}', "sh", script)
    page = suite.path(".html")
    suite.execute([suite.tracer, "report", "-o", page, recording])
    browser = Browser(suite.path(".browser"))
    try:
        colours = []
        for scheme in ("light", "dark"):
            browser.open(page, scheme)
            require(browser.requests() == [f"file://{page}"], f"it loads {browser.requests()}")
            require(not browser.complaints(), f"{browser.complaints()}")
            colours.append(browser.ask("getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color"))
            contrast = browser.ask(CONTRAST)
            require(contrast >= 4.5, f"{scheme}: text with a contrast of {contrast:.1f} (WCAG 2.1, 1.4.3)")
        require(colours[0] != colours[1], f"one colour scheme: {colours}")
        require(browser.ask("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window")
        require(browser.ask("document.title").endswith("… – abitrace"), browser.ask("document.title"))
        keyboard(browser)
    finally:
        browser.close()


# The least contrast of any text with what is behind it.
CONTRAST = """(() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = parse(c).slice(0, 3).map(v => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
  let least = 21;
  for (const e of document.querySelectorAll('body *')) {
    if (!e.offsetParent || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    let p = e, back = 'rgba(0, 0, 0, 0)';
    while (p && parse(back)[3] === 0) { back = getComputedStyle(p).backgroundColor; p = p.parentElement }
    const [a, b] = [light(getComputedStyle(e).color), light(back)].sort((x, y) => y - x);
    least = Math.min(least, (a + .05) / (b + .05));
  }
  return least })()"""
FOCUS = "document.activeElement.tagName + ' ' + document.activeElement.textContent"


def keyboard(browser):
    """Tab goes through sections, tools and the tree in their order; arrows walk the tree; / filters it."""
    order = []
    for _ in range(14):
        browser.press("Tab")
        order.append(browser.ask(FOCUS).split()[0])
        require(browser.ask("getComputedStyle(document.activeElement).outlineStyle") != "none", "nobody sees what has the focus")
    require(order == ["A"] * 7 + ["INPUT", "SELECT", "BUTTON", "BUTTON"] + ["SUMMARY"] * 3, f"tab goes to {order}")
    browser.press("Home")
    require(browser.ask(FOCUS).startswith("SUMMARY /"), browser.ask(FOCUS))
    browser.press("ArrowDown")
    here = browser.ask(FOCUS)
    browser.press("ArrowRight")
    require(browser.ask("document.activeElement.parentElement.open"), "right opens nothing")
    browser.press("ArrowLeft")
    require(not browser.ask("document.activeElement.parentElement.open") and browser.ask(FOCUS) == here, "left closes nothing")
    browser.press("ArrowLeft")
    require(browser.ask(FOCUS).startswith("SUMMARY /"), "left does not go up")
    browser.press("End")
    require(browser.ask(FOCUS) not in (here, ""), "end goes nowhere")
    browser.press("/")
    require(browser.ask("document.activeElement.id") == "find", "/ does not go to the filter")
    browser.type("such-file-1999")
    wait(browser, "document.querySelector('#told').textContent === '1 shown'")
    require(browser.ask("[...document.querySelectorAll('.tree .leaf')].filter(e => e.offsetParent).length") == 1, "more are shown")
    browser.press("Escape")
    wait(browser, "document.querySelector('#told').textContent === ''")
    require(browser.ask("document.querySelectorAll('.tree .leaf[hidden]').length") == 0, "some stay hidden")
    # A table is sorted by its headings.
    browser.ask("[...document.querySelectorAll('#operations th button')][1].focus()")
    browser.press("Enter", "\r")
    calls = browser.ask("[...document.querySelectorAll('#operations tbody tr')].map(r => +r.children[1].dataset.v)")
    require(calls == sorted(calls, reverse=True) and len(calls) > 5, f"sorted: {calls}")


def wait(browser, condition):
    for _ in range(100):
        if browser.ask(condition):
            return
        time.sleep(0.05)
    raise Failure(f"never: {condition}")


def large_page_case(suite):
    """Many files make a page that stays small."""
    script = "import os\nfor i in range(12500):\n  try: os.stat(f'/no/{i % 50}/such-file-{i}')\n  except OSError: pass"
    text = reported(suite, recorded(suite, "/usr/bin/python3", "-S", "-c", script))
    require(len(text) < 4_000_000, f"{len(text)} bytes")
    require("more, which would make this page too long" in text, "nothing is left out")


def asked(suite, recording, question):
    code, output, errors = suite.execute([suite.tracer, "show", "--json", "--where", question, recording])
    require(code == 0, f"{question}: {ending(code)} {short(errors)}")
    return [json.loads(line) for line in output.decode().splitlines()]


QUESTIONS = [
    ("file.open and failed", lambda call: call["operation"] == "file.open" and "errno" in call),
    ("openat", lambda call: call["call"] == "openat"),
    ("class = mem or sched.*", lambda call: call["class"] in ("mem", "sched")),
    ("errno = ENOENT", lambda call: call.get("errno") == "ENOENT"),
    ("not (succeeded or failed or interrupted)", lambda call: "duration" not in call),
    ("duration >= 50us and not unfinished", lambda call: call.get("duration", 0) >= 50_000),
    ("flags has O_CREAT", lambda call: "O_CREAT" in str(call["items"].get("flags", ""))),
    ("path = /no/such", lambda call: call["items"].get("path") == "/no/such"),
]
MISTAKES = [
    ("path undr /etc", 6), ("pid = x", 7), ("(failed", 8), ("errno = EFOO", 9), ("failed failed", 8), ("", 1),
    ("file.opn", 1), ("path under etc", 12), ("class under file", 7), ("duration > 5parsecs", 12), ("path = 'x", 8),
]


def question_case(suite):
    recording = recorded(suite, "sh", "-c", SCRIPT)
    calls = calls_of(suite, recording)
    for question, holds in QUESTIONS:
        wanted = [call["id"] for call in calls if holds(call)]
        found = [call["id"] for call in asked(suite, recording, question)]
        require(wanted and found == wanted, f"{question}: {len(found)} calls, not {len(wanted)}")
    first = calls[0]["process"]
    require({call["process"] for call in asked(suite, recording, f"pid = {first}")} == {first}, "calls of others")
    read = asked(suite, recording, "fd.read and object under /etc")
    require(read and all(call["call"] == "read" for call in read), "nothing reads under /etc")
    removed = asked(suite, recording, f"file.unlink and path under {recording.parent}")
    require([call["items"]["path"] for call in removed] == ["a;b c"], f"removed: {removed}")


def mistaken_question_case(suite):
    recording = recorded(suite, "true")
    for question, column in MISTAKES:
        code, output, errors = suite.execute([suite.tracer, "show", "--where", question, recording])
        require((code, output) == (2, b"") and f"column {column}:" in errors, f"{question}: {ending(code)} {short(errors)}")


def run(suite):
    suite.case("where/questions", question_case)
    suite.case("where/mistakes", mistaken_question_case)
    suite.case("report/page", page_case)
    suite.case("report/hostile", hostile_page_case)
    suite.case("report/policy", judged_page_case)
    suite.case("report/large", large_page_case)
    suite.case("report/decided", decided_page_case)
    suite.case("report/empty", empty_page_case)
    suite.case("report/browser", browser_case)
    suite.case("export/chrome", trace_events_case)
    suite.case("export/folded", folded_case)
    suite.case("export/sqlite", database_case)
    suite.case("export/lines", lines_case)
