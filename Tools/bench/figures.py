# From samples to figures: medians with their spread, ratios within a round, what a recording's footer says.

import re
import struct
from statistics import median

from ways import BARE, PINNED, UNPINNED


def spread(values):
    return {"median": median(values), "min": min(values), "max": max(values)} if values else None


def summarize(samples):
    """Per way: wall, processor and added time, and the ratios of added time, each computed within one round."""
    seconds = {way: [sample.seconds for sample in taken] for way, taken in samples.items()}
    bare = seconds[BARE]
    added = {way: [mine - other for mine, other in zip(taken, bare)] for way, taken in seconds.items()}
    result = {}
    for way, taken in samples.items():
        row = {"wall": spread(seconds[way]), "processor": spread([sample.processor for sample in taken]),
               "rounds": seconds[way]}
        names = {name for sample in taken for name in sample.latency}
        row["latency ms"] = {name: spread([sample.latency[name] for sample in taken if name in sample.latency])
                             for name in sorted(names)}
        if way != BARE:
            row["added"] = spread(added[way])
            row["times bare"] = spread([mine / other for mine, other in zip(seconds[way], bare)])
            for reference in (UNPINNED, PINNED):
                if reference in added and reference != way:
                    # A round in which the reference added nothing has no ratio.
                    row[f"added / {reference}"] = spread(
                        [mine / other for mine, other in zip(added[way], added[reference]) if other > 0])
        result[way] = row
    return result


def records(path):
    """How many records a recording says it holds, and its bytes (https://mcap.dev/spec, Footer and Statistics)."""
    with open(path, "rb") as file:
        data = file.read()
    start, = struct.unpack_from("<Q", data, len(data) - 8 - 20)
    place = start
    while 0 < place < len(data) - 9:
        opcode, length = struct.unpack_from("<BQ", data, place)
        if opcode == 0x0B:
            return struct.unpack_from("<Q", data, place + 9)[0], len(data)
        place += 9 + length
    return 0, len(data)


def lost(sample):
    """How many calls a watcher says that it could not keep."""
    told = re.search(r"(\d+) calls were lost", sample.said)
    return int(told[1]) if told else 0


def memory(kilobytes):
    """The watcher's memory over time, in tenths of the run."""
    if not kilobytes:
        return None
    step = max(1, len(kilobytes) // 10)
    return {"over time": kilobytes[::step], "most": max(kilobytes), "last": kilobytes[-1]}
