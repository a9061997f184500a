"""A stretch of history, and a comparison of two, as lines."""

from __future__ import annotations

from rich.cells import cell_len

from optischema_tui.core.baseline.compare import Compared, Comparison, Verdict
from optischema_tui.core.models import Baseline, WindowStats
from optischema_tui.core.safe_text import one_line
from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, wrap
from optischema_tui.widgets.sections import heading

_ROLES = {
    Verdict.BETTER: "good",
    Verdict.SAME: "dim",
    Verdict.WORSE: "bad",
    Verdict.TOO_FEW: "dim",
    Verdict.NEW: "accent",
    Verdict.GONE: "dim",
}
ROWS_SHOWN = 200
WIDE = 150
"""Columns from which blocks, temporary blocks, rows and spread stand beside the times."""


def baseline_lines(baseline: Baseline, width: int, glyphs: Glyphs) -> list[Line]:
    """What is in one baseline: each statement, heaviest first."""
    whole = sum(stats.exec_time for stats in baseline.statements)
    calls = sum(stats.calls for stats in baseline.statements)
    lines: list[Line] = [heading(one_line(baseline.name, 60), "", width, glyphs)]
    lines += wrap(
        (
            ("In all: ", "dim"),
            (f"{figures.count(calls)} calls in {figures.seconds(baseline.until - baseline.since)}, ", ""),
            (f"{figures.milliseconds(whole)} of execution", ""),
        ),
        width,
    )
    wide = width >= WIDE
    more = f"{'ROWS':>8} {'BLOCKS':>8} {'TEMP':>8} " if wide else ""
    lines += [(), ((f"{'SHARE':>6} {'CALLS':>8} {'MEAN':>9} {'SPREAD':>9} {more} QUERY", "head"),)]
    for stats in baseline.statements[:ROWS_SHOWN]:
        share = stats.exec_time / whole if whole else 0.0
        numbers = f"{share:>6.1%} {figures.count(stats.calls):>8} {figures.milliseconds(stats.mean_exec_time):>9} "
        numbers += f"{_spread(stats):>9} "
        if wide:
            numbers += "".join(
                f"{figures.count(value):>8} " for value in (stats.rows, stats.shared_blks, stats.temp_blks)
            )
        text = one_line(stats.text, max(8, width - 1 - cell_len(numbers)))
        lines.append(((f"{numbers} ", ""), (text, "dim")))
    return [*lines, *_rest(len(baseline.statements))]


def comparison_lines(first: str, second: str, comparison: Comparison, width: int, glyphs: Glyphs) -> list[Line]:
    """The total and its verdict, then the statements, heaviest first, and the rule behind the verdicts."""
    total = comparison.total
    role = _ROLES[total.verdict]
    arrow = glyphs.arrow
    lines: list[Line] = [heading(f"{first} {arrow} {second}", "", width, glyphs)]
    pairs = (("calls", (total.calls_before, total.calls_after)), ("rows", total.rows), ("blocks", total.shared_blks),
             ("temporary blocks", total.temp_blks))  # fmt: skip
    lines += wrap(
        (
            ("In all: ", "dim"),
            (f"{total.verdict.value} ", role),
            (f"({_change(total.change)} time per call, like for like; under {total.noise:.0%} is noise)   ", ""),
            (f"time {figures.milliseconds(total.time_before)} {arrow} ", "dim"),
            (f"{figures.milliseconds(total.time_after)}   ", "dim"),
            *((f"{name} {figures.count(a)} {arrow} {figures.count(b)}   ", "dim") for name, (a, b) in pairs if a or b),
        ),
        width,
    )  # fmt: skip
    lines += [(), _head(width)]
    for row in comparison.rows[:ROWS_SHOWN]:
        lines.append(_row(row, width))
        if row.plan:
            lines += wrap(((f"    plan: {one_line(row.plan, 300)}", "accent"),), width)
    return [*lines, *_rest(len(comparison.rows)), (), *wrap(((comparison.rule, "dim"),), width)]


def _rest(count: int) -> list[Line]:
    return [((f"{count - ROWS_SHOWN} lighter statements are not shown here", "dim"),)] if count > ROWS_SHOWN else []


def _head(width: int) -> Line:
    more = (
        f"{'CALLS BEFORE':>13} {'AFTER':>8} {'BLOCKS/CALL':>12} {'AFTER':>8} {'SPREAD':>9} {'AFTER':>9}"
        if width >= WIDE
        else ""
    )
    return (
        (f"{'VERDICT':<16} {'CHANGE':>8} {'MEAN BEFORE':>11} {'MEAN AFTER':>11} {'SHARE':>7} {more} QUERY", "head"),
    )  # fmt: skip


def _row(row: Compared, width: int) -> Line:
    before = figures.milliseconds(row.before.mean_exec_time) if row.before else figures.UNKNOWN
    after = figures.milliseconds(row.after.mean_exec_time) if row.after else figures.UNKNOWN
    numbers = f" {_change(row.change):>8} {before:>11} {after:>11} {row.share_after:>7.1%} "
    if width >= WIDE:
        cells = [
            f"{figures.count(row.before.calls if row.before else None):>13}",
            f"{figures.count(row.after.calls if row.after else None):>8}",
            f"{_per_call(row.before):>12}",
            f"{_per_call(row.after):>8}",
            f"{_spread(row.before):>9}",
            f"{_spread(row.after):>9}",
        ]
        numbers += " ".join(cells)
    numbers += " "
    text = one_line(row.text, max(8, width - 16 - cell_len(numbers)))
    return ((f"{row.verdict.value:<16}", _ROLES[row.verdict]), (numbers, ""), (text, "dim"))


def _per_call(stats: WindowStats | None) -> str:
    return figures.count(stats.shared_blks / stats.calls) if stats and stats.calls else figures.UNKNOWN


def _spread(stats: WindowStats | None) -> str:
    """The calls' standard deviation; 0 is one that history does not know."""
    return figures.milliseconds(stats.stddev_exec_time or None) if stats else figures.UNKNOWN


def _change(change: float | None) -> str:
    return figures.UNKNOWN if change is None else f"{change:+.0%}"
