# Every number of the table with arguments that mean nothing: the supervisor survives, and a replay agrees with it.

import os

from harness import Skip, ending, need, require, short


def garbage_case(suite):
    if os.geteuid() != 0:
        raise Skip("namespaces that keep the calls from doing harm need root")
    for program in ("unshare", "setpriv"):
        need(program)
    os.chmod(suite.folder, 0o755)
    recording, live = suite.path(".mcap"), suite.path(".live")
    # No process outside the namespace can be signalled, nobody owns nothing, and what is mounted is its own.
    command = ["unshare", "-fpmni", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
               suite.folder / "programs" / "garbage", "0", "480", "30"]
    code, _, errors = suite.execute([suite.tracer, "-v", "--record", recording, "-o", live, "--", *command])
    require(code == 0, f"{ending(code)}: {short(errors)}")
    text = live.read_text(errors="replace")
    calls = {line.split("(")[0].split()[-1] for line in text.splitlines() if "(" in line}
    require(len(calls) > 350, f"only {len(calls)} different calls in the trace")
    code, shown, errors = suite.execute([suite.tracer, "show", "-v", recording])
    require(code == 0, f"show: {ending(code)} {short(errors)}")
    require(shown.decode(errors="replace") == text, "the recording shows other lines than the live trace")
    for form in ("--json", "--messages", "-yy"):
        code, _, errors = suite.execute([suite.tracer, "show", form, recording])
        require(code == 0, f"show {form}: {ending(code)} {short(errors)}")


def run(suite):
    suite.case("garbage/every_number", garbage_case)
