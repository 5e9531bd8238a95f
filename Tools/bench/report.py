# How figures are shown: a table for the terminal and the documentation, and a plot.

from html import escape
from math import log10

from ways import BARE, PINNED, UNPINNED


def cells(summary, way, calls):
    row = summary[way]
    wall, processor = row["wall"], row["processor"]

    def ratio(name, digits=2):
        values = row.get(name)
        return f"{values['median']:.{digits}f} ({values['min']:.{digits}f}–{values['max']:.{digits}f})" if values else ""

    rate = f"{calls / wall['median'] / 1000:.0f}" if calls else ""
    latency = " ".join(f"{name} {values['median']:.2f}" for name, values in row["latency ms"].items())
    return [way, f"{wall['median'] * 1000:.1f}", f"{wall['min'] * 1000:.1f}–{wall['max'] * 1000:.1f}",
            f"{processor['median'] * 1000:.0f}", rate, ratio("times bare"), ratio(f"added / {UNPINNED}"),
            ratio(f"added / {PINNED}"), latency]


HEADER = ["way", "wall ms", "min–max", "CPU ms", "k calls/s", "× bare", "added / strace", "added / pinned",
          "latency ms"]


def table(results, calls):
    """Markdown, lined up so that it reads on a terminal too."""
    groups = {workload: [cells(summary, way, calls.get(workload)) for way in summary]
              for workload, summary in results.items()}
    rows = [row for group in groups.values() for row in group]
    widths = [max(len(row[column]) for row in [HEADER, *rows]) for column in range(len(HEADER))]

    def line(row):
        parts = [cell.ljust(width) if column in (0, 8) else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        return "| " + " | ".join(parts) + " |"

    text = ""
    for workload, group in groups.items():
        count = f", {calls[workload]} calls" if calls.get(workload) else ""
        text += f"\n**{workload}**{count}\n\n{line(HEADER)}\n"
        text += "|" + "|".join("-" * (width + 2) for width in widths) + "|\n"
        text += "".join(line(row) + "\n" for row in group)
    return text


COLOURS = ["#1b6ca8", "#2a9d8f", "#8ab17d", "#e9c46a", "#f4a261", "#e76f51", "#9b5de5", "#6d6875", "#b5838d", "#577590",
           "#43aa8b", "#f94144", "#277da1", "#90be6d", "#f8961e"]


def plot(results):
    """Bars of wall time in multiples of bare, on a logarithmic scale: an SVG."""
    ways = list(dict.fromkeys(way for summary in results.values() for way in summary if way != BARE))
    most = max((row["times bare"]["median"] for summary in results.values() for row in summary.values()
                if row.get("times bare")), default=10)
    bar, left, width = 9, 110, 560
    scale = width / max(1, log10(max(most, 10)))
    parts, top = [], 20 + 14 * ((len(ways) + 3) // 4)
    for index, way in enumerate(ways):
        x, y = left + 160 * (index % 4), 18 + 14 * (index // 4)
        parts.append(f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{COLOURS[index % len(COLOURS)]}"/>'
                     f'<text x="{x + 13}" y="{y}">{escape(way)}</text>')
    y = top
    for workload, summary in results.items():
        parts.append(f'<text x="{left - 6}" y="{y + 10}" text-anchor="end">{escape(workload)}</text>')
        for index, way in enumerate(ways):
            times = summary.get(way, {}).get("times bare")
            if not times:
                continue
            length = max(1, log10(max(1, times["median"])) * scale)
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}" '
                         f'fill="{COLOURS[index % len(COLOURS)]}"/>'
                         f'<text x="{left + length + 3:.1f}" y="{y + 7}" font-size="8">{times["median"]:.1f}</text>')
            y += bar
        y += 10
    for power in range(int(log10(max(most, 10))) + 1):
        x = left + power * scale
        parts.insert(0, f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{y}" stroke="#ddd"/>'
                        f'<text x="{x:.1f}" y="{y + 12}" text-anchor="middle">{10 ** power}×</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 80}" height="{y + 20}" '
            f'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
