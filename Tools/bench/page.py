# A run's figures as a part of a page in Markdown: whatever stood between the marks before is replaced.

from processes import Failure
from ways import BARE, PINNED, UNPINNED

BEGIN, END = "<!-- figures of Tools/bench/run -->\n", "<!-- end of the figures -->\n"
SERVERS = ("redis", "nginx")


def rows(header, lines):
    """A table; nothing where it has no lines."""
    if not lines:
        return ""
    text = "| " + " | ".join(header) + " |\n|" + "---|" * len(header) + "\n"
    return text + "".join("| " + " | ".join(line) + " |\n" for line in lines) + "\n"


def matrix(document, cell, ways=None):
    """A way a line, a workload a column."""
    figures = document["figures"]
    names = ways or list(dict.fromkeys(way for summary in figures.values() for way in summary))
    lines = [[way] + [cell(summary[way]) if way in summary else "–" for summary in figures.values()] for way in names]
    return rows(["way", *figures], lines)


def ratio(reference):
    def cell(row):
        value = row.get(f"added / {reference}")
        return f"{value['median']:.2f} ({value['min']:.2f}–{value['max']:.2f})" if value else "–"
    return cell


def beside_strace(document):
    ways = [way for way in document["ways"] if way not in (BARE, UNPINNED, PINNED)]
    text = ""
    for reference, words in ((UNPINNED, "as people run it"), (PINNED, "pinned to one processor")):
        if any(reference in summary for summary in document["figures"].values()):
            text += f"What each way adds in wall time, in parts of what strace adds {words}; median (least–most):\n\n"
            text += matrix(document, ratio(reference), ways)
    return text


def latencies(document):
    lines = []
    for server in SERVERS:
        for way, row in document["figures"].get(server, {}).items():
            if row["latency ms"]:
                lines.append([server, way] + [
                    f"{row['latency ms'][name]['median']:.2f}" if name in row["latency ms"] else "–"
                    for name in ("p50", "p95", "p99")])
    table = rows(["server", "way", "p50", "p95", "p99"], lines)
    return f"A server's clients, milliseconds:\n\n{table}" if table else ""


def recordings(document):
    """Bytes a record of each workload, what was lost in all rounds, and the watcher's memory over a long run."""
    lines = [[workload, way, f"{fact['bytes a record']:.0f}", str(fact.get("lost", 0)),
              f"{fact['memory kB']['most'] / 1000:.0f}" if fact["memory kB"] else "–"]
             for workload, ways in document["recordings"].items() for way, fact in ways.items() if "records" in fact]
    text = "Recordings, with the calls lost in all rounds and the watcher's memory at its most:\n\n"
    text += rows(["workload", "way", "bytes a record", "calls lost", "MB"], lines)
    return text


def long_run(document):
    def over_time(fact):
        return " ".join(f"{kilobytes / 1000:.0f}" for kilobytes in (fact.get("memory kB") or {}).get("over time", []))

    lines = [[way, f"{fact['us a call']:.2f}", f"{fact['times bare']:.1f}", f"{fact.get('records', 0):,}",
              str(fact["lost"]), over_time(fact)] for way, fact in document["long run"].items()]
    table = rows(["way", "µs a call", "× bare", "records", "calls lost", "MB over time"], lines)
    return ("A million calls of `getppid` as fast as they can be made, without the start; the watcher's memory, about a tenth "
            f"of the run a figure:\n\n{table}") if table else ""


def page(document):
    machine = document["machine"]
    busy = max(document["other work"].values(), default=0)
    text = (f"{machine['processors']} processors, Linux {machine['kernel']}, {document['rounds']} rounds; other work kept "
            f"at most {busy:.2f} processors busy. Each cell: wall ms / processor ms of the whole tree, medians.\n\n")
    text += matrix(document, lambda row: f"{row['wall']['median'] * 1000:.0f} / {row['processor']['median'] * 1000:.0f}")
    calls = ", ".join(f"{name} {count:,}" for name, count in document["calls"].items())
    if calls:
        text += f"redis: the client's 4,000 GETs; nginx: a thousand requests. Calls in one run: {calls}.\n\n"
    text += beside_strace(document) + latencies(document) + recordings(document) + long_run(document)
    missing = [f"{name} ({reason})" for name, reason in document["left out"].items() if reason]
    return text + (f"Left out: {'; '.join(missing)}.\n\n" if missing else "")


def write_page(path, document):
    text = path.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise Failure(f"{path} has no place for figures, which begins with {BEGIN.strip()} and ends with {END.strip()}")
    before, rest = text.split(BEGIN)
    path.write_text(before + BEGIN + "\n" + page(document) + END + rest.split(END)[1])
