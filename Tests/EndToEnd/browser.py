# A page in a real browser, by the keyboard and in both colour schemes; where a browser is installed.

import json
import os
import shutil
import subprocess

from harness import Failure, Skip, require

CANDIDATES = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """Chromium, told what to do through two pipes (the DevTools protocol, messages that end with NUL)."""

    def __init__(self, folder):
        program = next(filter(None, map(shutil.which, CANDIDATES)), None)
        if not program:
            raise Skip("no browser is installed: chromium")
        theirs, self.to = os.pipe()
        self.answers, answering = os.pipe()
        # The protocol's descriptors are 3 and 4 (--remote-debugging-pipe).
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs} 4>&{answering}', "bash", program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             f"--user-data-dir={folder}", "--window-size=1280,900", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(theirs, answering),
            start_new_session=True)
        os.close(theirs)
        os.close(answering)
        self.number, self.kept, self.session, self.events = 0, b"", None, []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.tell(f"{domain}.enable")

    def tell(self, method, **parameters):
        """A command, and its answer; what happens meanwhile is kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                require("error" not in answer, f"{method}: {answer.get('error')}")
                return answer["result"]
            self.events.append(answer)

    def read(self):
        while b"\0" not in self.kept:
            part = os.read(self.answers, 1 << 20)
            if not part:
                raise Failure("the browser ended")
            self.kept += part
        line, self.kept = self.kept.split(b"\0", 1)
        return json.loads(line)

    def open(self, path, scheme="light"):
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events = []
        self.tell("Page.navigate", url=f"file://{path}")
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.read())

    def ask(self, expression):
        """The value of an expression on the page."""
        result = self.tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        require("exceptionDetails" not in result, f"{expression}: {result}")
        return result["result"].get("value")

    def press(self, key, text=None):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
                 "ArrowRight": 39, "ArrowDown": 40}
        # A key that types something is a key press with text.
        text = text or (key if len(key) == 1 else None)
        code = codes.get(key, ord(key[0].upper()) if len(key) == 1 and key.isalnum() else 0)
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.tell("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def type(self, text):
        for character in text:
            self.press(character)

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """What the page's own policy or script would have on the console."""
        return [event["params"] for event in self.events
                if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.answers)
