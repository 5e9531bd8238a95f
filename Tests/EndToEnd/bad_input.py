# What every command says of recordings and policies that are not as they should be: what is wrong, where, and nothing
# that would follow from it.

import re
import xml.etree.ElementTree

from harness import SYSTEM, ending, require, short

# Commands that conclude something from a recording; REC stands for it, P for a policy, and OUT for a file.
CONCLUDING = {
    "learn": ["policy", "learn", "REC"], "replay": ["replay", "--policy", "P", "REC"],
    "fix": ["policy", "fix", "--dry-run", "P", "REC"], "diff": ["policy", "diff", "P", "P", "REC"],
    "shrink": ["policy", "shrink", "P", "REC"], "consumers": ["policy", "consumers", "file.open", "REC"],
    "over": ["policy", "check", "--over", "REC", "P"], "test": ["policy", "test", "P", "EXPECT"],
}
# Commands that show what is there.
SHOWING = {
    "show": ["show", "REC"], "tree": ["tree", "REC"], "report": ["report", "-o", "OUT", "REC"],
    **{form: ["export", "--to", form, "-o", "OUT", "REC"]
       for form in ("perfetto", "chrome", "jsonl", "strace", "folded", "sqlite")},
}
LIVE = ["replay", "--expect", "live", "REC"]


def tell(suite, words, recording, policy):
    expect = suite.path(".expect.yaml")
    expect.write_text(f"abitrace: expectations/1\nrecordings:\n  - {{file: {recording}, refused: none}}\n")
    out = suite.path(".out")
    put = {"REC": recording, "P": policy, "EXPECT": expect, "OUT": out}
    code, output, errors = suite.execute([suite.tracer, *(put.get(word, word) for word in words)])
    require(code in (0, 1, 2) and "Fatal" not in errors, f"{words}: {ending(code)} {short(errors)}")
    return code, output.decode(errors="replace"), errors


def sound(suite):
    policy, recording = suite.path(".yaml"), suite.path(".mcap")
    policy.write_text(SYSTEM + "  /: ro\n")
    suite.execute([suite.tracer, "record", "-o", recording, "--", "sh", "-c", "for i in 1 2 3 4 5; do /bin/true; done"])
    return policy, recording


def unreadable_case(suite):
    """Each command refuses it with its name and the reason, and writes nothing."""
    policy, recording = sound(suite)
    data = recording.read_bytes()
    version = re.search(rb"abitrace recording (\d+)", data[:200])
    kinds = {
        "empty": (b"", "is empty"), "junk": (b"this is none\n" * 50, "is not a recording"),
        "newer": (data[:version.start(1)] + b"9" * len(version[1]) + data[version.end(1):],
                  "which is newer than this abitrace can read (1)"),
    }
    for name, (content, words) in kinds.items():
        bad = suite.path(f".{name}.mcap")
        bad.write_bytes(content)
        for command in [*CONCLUDING.values(), *SHOWING.values(), LIVE]:
            code, output, errors = tell(suite, command, bad, policy)
            require(code == 1 and words in errors + output and bad.name in errors + output,
                    f"{name}: {command}: {ending(code)} {short(output)} {short(errors)}")
            require("abitrace: policy/1" not in output, f"{name}: {command} writes a policy")


def no_call_case(suite):
    """Cut before the first call: what is left is shown, and nothing is concluded from it."""
    policy, recording = sound(suite)
    data = recording.read_bytes()
    for length in (60, 700):
        bad = suite.path(".cut.mcap")
        bad.write_bytes(data[:length])
        for name, command in CONCLUDING.items():
            code, output, errors = tell(suite, command, bad, policy)
            require(code == 1, f"{name} of {length} bytes: {ending(code)} {short(output)} {short(errors)}")
            require("no call in it" in errors + output or "no recording has a call" in errors, f"{name}: {errors} {output}")
            require("cut off at byte" in errors and "abitrace: policy/1" not in output, f"{name}: {errors} {output}")
        for name, command in SHOWING.items():
            code, _, errors = tell(suite, command, bad, policy)
            require(code == 0 and "cut off at byte" in errors, f"{name} of {length} bytes: {ending(code)} {short(errors)}")
        code, _, errors = tell(suite, LIVE, bad, policy)
        require(code == 1 and "cut off at byte" in errors, f"expect live: {ending(code)} {short(errors)}")


def no_index_case(suite):
    """Cut behind the last call: what is there is decided, and that something is missing is said."""
    policy, recording = sound(suite)
    data = recording.read_bytes()
    bad = suite.path(".cut.mcap")
    bad.write_bytes(data[:-10])
    for name, command in {**CONCLUDING, **SHOWING}.items():
        code, output, errors = tell(suite, command, bad, policy)
        require(code == (1 if name == "consumers" else 0), f"{name}: {ending(code)} {short(output)} {short(errors)}")
        require("cut off at byte" in errors, f"{name} says nothing of the cut: {short(errors)}")
        require(name in SHOWING or name == "learn" or "what is missing is not considered" in errors, f"{name}: {short(errors)}")


def among_others_case(suite):
    """One that cannot be read fails, and takes no other along, in JUnit's words too."""
    policy, recording = sound(suite)
    bad, report = suite.path(".bad.mcap"), suite.path(".xml")
    bad.write_bytes(recording.read_bytes()[:60])
    code, output, errors = suite.execute(
        [suite.tracer, "replay", "--policy", policy, "--junit", report, bad, recording])
    require(code == 1 and b" 0 refused" in output and "no call in it" in errors, f"{ending(code)} {output} {errors}")
    root = xml.etree.ElementTree.parse(report).getroot()
    require((root.get("tests"), root.get("failures")) == ("2", "1"), f"JUnit: {root.attrib}")
    expect = suite.path(".expect.yaml")
    expect.write_text("abitrace: expectations/1\nrecordings:\n"
                      + "".join(f"  - {{file: {path}, refused: none}}\n" for path in (bad, recording)))
    code, output, _ = suite.execute([suite.tracer, "policy", "test", policy, expect])
    require(code == 1 and b"2 expectations, 1 not met" in output and b"no call in it" in output, output.decode())


def personality_case(suite):
    """Calls of another personality are decided, learned, compared and exported as any."""
    policy, recording = sound(suite)
    suite.execute([suite.tracer, "record", "-o", recording, "--", *suite.program("int80")])
    _, output, _ = tell(suite, ["show", "--json", "REC"], recording, policy)
    if '"personality":"i386"' not in output:
        require("i386" in output, f"no call of i386: {short(output)}")
    for name, command in {**CONCLUDING, **SHOWING}.items():
        code, output, errors = tell(suite, command, recording, policy)
        require(code in (0, 1) and (not errors or name == "shrink"), f"{name}: {ending(code)} {short(errors)}")
    learned = suite.path(".learned.yaml")
    suite.execute([suite.tracer, "policy", "learn", "-o", learned, recording])
    code, output, errors = tell(suite, CONCLUDING["replay"], recording, learned)
    require(code == 0, f"replay of what was learned: {output} {errors}")


def policy_case(suite):
    """A policy with errors is none, for each command that takes one: every error with its line."""
    policy, recording = sound(suite)
    broken = suite.path(".broken.yaml")
    broken.write_text("abitrace: policy/1\nfiles:\n  /usr: rx\n  etc: ro\nclasses:\n  fd.reed: deny\n")
    commands = [CONCLUDING[name] for name in CONCLUDING if name not in ("learn", "consumers")]
    commands += [["run", "--policy", "P", "--", "true"], ["policy", "explain", "P"], ["policy", "merge", "P", "P"],
                 ["policy", "export", "--to", "oci", "P"], ["report", "--policy", "P", "-o", "OUT", "REC"]]
    for command in commands:
        code, output, errors = tell(suite, command, recording, broken)
        require(code == (1 if "--over" in command else 2), f"{command}: {ending(code)} {short(output)} {short(errors)}")
        for place in (3, 4, 6):
            require(f"{broken}:{place}:" in errors + output, f"{command}: no line {place}: {errors} {output}")


def run(suite):
    suite.case("bad_input/unreadable", unreadable_case)
    suite.case("bad_input/no_call", no_call_case)
    suite.case("bad_input/no_index", no_index_case)
    suite.case("bad_input/among_others", among_others_case)
    suite.case("bad_input/personality", personality_case)
    suite.case("bad_input/policy", policy_case)
