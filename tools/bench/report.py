# SPDX-License-Identifier: MIT
"""From rows to a table for the terminal, one for a page, and a plot; or, where nothing was compared, a plain list.

Idea    A ratio is ours / peer of one round; shown is the median of the rounds, and the least and the greatest. Rounds
        in which the machine was disturbed do not count, unless fewer than half (at least two) are left: then all do,
        and the row is marked with "?"."""

import math
from statistics import median
from xml.sax.saxutils import escape


class Line:
    """One row, condensed. `met`: None without a goal."""

    def __init__(self, row):
        self.section, self.name, self.unit = row["section"], row["name"], row["unit"]
        self.less_is_better, self.goal = row["less_is_better"], row["goal"]
        self.absolute, self.digits = row.get("absolute", False), row.get("digits", 2)
        rounds = list(zip(row["ours"], row["peer"]))
        clean = [pair for pair, doubtful in zip(rounds, row["doubtful"]) if not doubtful]
        enough = len(clean) == len(rounds) or len(clean) >= max(2, (len(rounds) + 1) // 2)
        kept = clean if enough else rounds
        ratios = [ours / peer for ours, peer in kept if peer > 0]
        self.doubtful = not enough
        self.rounds, self.kept = len(rounds), len(kept)
        self.ours, self.peer = median(o for o, _ in kept), median(p for _, p in kept)
        self.ratio, self.least, self.greatest = median(ratios), min(ratios), max(ratios)
        self.met = None
        if self.goal is not None:
            value = round(self.ours if self.absolute else self.ratio, self.digits)  # what is shown
            self.met = value <= self.goal if self.less_is_better else value >= self.goal

    def goal_text(self):
        if self.goal is None:
            return ""
        what = f"{'ours ' if self.absolute else ''}{'at most' if self.less_is_better else 'at least'}"
        return f"{what} {self.goal:.{self.digits}f}"

    def ratio_text(self):
        return f"{self.ratio:.{self.digits}f}{'?' if self.doubtful else ''}"

    def verdict(self):
        return "" if self.met is None else "met" if self.met else "short"


def number(value):
    if value >= 10000:
        return f"{value / 1000:.0f}k"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def lines_of(rows):
    return [Line(row) for row in rows if row["ours"]]


def sections_of(lines):
    found = {}
    for line in lines:
        found.setdefault((line.section, line.unit), []).append(line)
    return found.items()


def spread(line):
    return f"{line.least:.{line.digits}f}-{line.greatest:.{line.digits}f}" if line.kept > 1 else ""


def terminal(lines, peer):
    out = []
    for (section, unit), group in sections_of(lines):
        better = "less" if group[0].less_is_better else "more"
        head = f"{section}, {unit} ({better} is better)"
        out.append(f"\n{head:<56}{'ours':>10}{peer[-16:]:>17}{'ratio':>8}{'spread':>13}  goal")
        for line in group:
            ratio = line.ratio_text() + ("" if line.doubtful else " ")
            out.append(f"  {line.name:<54}{number(line.ours):>10}{number(line.peer):>17}{ratio:>9}{spread(line):>12}  "
                       f"{line.goal_text():<18}{line.verdict()}".rstrip())
    return "\n".join(out)


def alone(rows):
    """What was measured without anything to compare it with: the median of the rounds, least and greatest."""
    out = []
    for row in rows:
        least, greatest = number(min(row["ours"])), number(max(row["ours"]))
        out.append(f"  {row['section'] + ', ' + row['name']:<40}{number(median(row['ours'])):>10} {row['unit']}"
                   + (f"  ({least} to {greatest})" if least != greatest else ""))
    return "\n".join(out)


def markdown(lines, peer):
    out = []
    for (section, unit), group in sections_of(lines):
        better = "less" if group[0].less_is_better else "more"
        out += [f"\n**{section}**, {unit} ({better} is better)\n",
                f"| | geomys | {peer} | ratio | spread | goal | |", "|---|---:|---:|---:|---|---|---|"]
        for line in group:
            out.append(f"| {line.name} | {number(line.ours)} | {number(line.peer)} | {line.ratio_text()} "
                       f"| {spread(line)} | {line.goal_text()} | {line.verdict()} |")
    return "\n".join(out).lstrip("\n") + "\n"


# ---- plot ------------------------------------------------------------------------------------------------------------

WIDTH, LEFT, RIGHT, ROW, HEAD = 900, 300, 70, 17, 48
COLOURS = {"met": "#2e7d4f", "short": "#c0562f", "": "#5b7aa6"}
STYLE = ("text{font:12px sans-serif;fill:#222}.h{font-weight:bold}.s{fill:#666;font-size:11px;font-weight:normal}"
         "@media(prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#aaa}}")


def svg(lines, title):
    """Bars from 1.0, to the left where ours is smaller, on a scale of powers of two; a thin line is the spread, a thick
    tick the goal."""
    extremes = [v for line in lines for v in (line.least, line.greatest)] + [0.25, 2]
    low, high = math.floor(math.log2(min(extremes))), math.ceil(math.log2(max(extremes)))

    def at(ratio):
        return LEFT + (math.log2(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    out = []
    y = HEAD + 8
    for (section, unit), group in sections_of(lines):
        y += ROW
        better = "less is better" if group[0].less_is_better else "more is better"
        out.append(f'<text class="h" x="8" y="{y + 12}">{escape(section)}<tspan class="s" dx="8">'
                   f'{escape(unit)}, {better}</tspan></text>')
        y += ROW + 2
        for line in group:
            out.append(_bar(line, y, at))
            y += ROW
    height = y + 34
    grid = []
    for power in range(low, high + 1):
        x = at(2.0**power)
        width = 1.5 if power == 0 else 0.5
        grid.append(f'<line x1="{x:.1f}" y1="{HEAD}" x2="{x:.1f}" y2="{height - 26}" stroke="#888" '
                    f'stroke-width="{width}"/>'
                    f'<text class="s" x="{x:.1f}" y="{height - 12}" text-anchor="middle">{2.0**power:g}</text>')
    legend = "median ratio and its spread; green: goal (tick) reached, red: short of it, blue: no goal, pale: doubtful"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}">\n<style>{STYLE}</style>\n'
            f'<text class="h" x="8" y="20" style="font-size:15px">{escape(title)}</text>\n'
            f'<text class="s" x="8" y="38">{legend}</text>\n'
            + "\n".join(grid + out) + "\n</svg>\n")


def _bar(line, y, at):
    one, end = at(1.0), at(line.ratio)
    x, width = min(one, end), max(abs(end - one), 1)
    middle = y + ROW / 2
    faint = ' fill-opacity="0.45"' if line.doubtful else ""
    parts = [f'<text x="{LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(line.name)}</text>',
             f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{ROW - 6}" '
             f'fill="{COLOURS[line.verdict()]}"{faint}/>']
    if line.kept > 1:
        parts.append(f'<line x1="{at(line.least):.1f}" y1="{middle:.1f}" x2="{at(line.greatest):.1f}" '
                     f'y2="{middle:.1f}" stroke="#000" stroke-opacity="0.55"/>')
    if line.goal is not None and not line.absolute:
        goal = at(line.goal)
        parts.append(f'<line x1="{goal:.1f}" y1="{y + 1}" x2="{goal:.1f}" y2="{y + ROW - 1}" stroke="#b8860b" '
                     f'stroke-width="2"/>')
    mark = "?" if line.doubtful else ""
    parts.append(f'<text class="s" x="{WIDTH - RIGHT + 12}" y="{middle + 4:.1f}">{line.ratio:.2f}{mark}</text>')
    return "".join(parts)
