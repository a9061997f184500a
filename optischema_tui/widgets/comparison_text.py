"""A comparison of two stretches of history as lines."""

from __future__ import annotations

from rich.cells import cell_len

from optischema_tui.core.baseline.compare import Compared, Comparison, Verdict
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


def comparison_lines(first: str, second: str, comparison: Comparison, width: int, glyphs: Glyphs) -> list[Line]:
    """The total and its verdict, the rule behind the verdicts, then the statements, heaviest first."""
    total = comparison.total
    role = _ROLES[total.verdict]
    arrow = glyphs.arrow
    lines: list[Line] = [heading(f"{first} {arrow} {second}", "", width, glyphs)]
    lines += wrap(
        (
            ("In all: ", "dim"),
            (f"{total.verdict.value} ", role),
            (f"({_change(total.change)} time per call, like for like; under {total.noise:.0%} is the same)   ", ""),
            (f"calls {figures.count(total.calls_before)} {arrow} {figures.count(total.calls_after)}   ", "dim"),
            (f"time {figures.milliseconds(total.time_before)} {arrow} {figures.milliseconds(total.time_after)}", "dim"),
        ),
        width,
    )
    lines += [*wrap(((comparison.rule, "dim"),), width), (), _head()]
    lines += [_row(row, width, arrow) for row in comparison.rows[:ROWS_SHOWN]]
    if len(comparison.rows) > ROWS_SHOWN:
        lines.append(((f"{len(comparison.rows) - ROWS_SHOWN} lighter statements are not shown here", "dim"),))
    return lines


def _head() -> Line:
    return ((f"{'VERDICT':<16} {'CHANGE':>8} {'MEAN BEFORE':>11} {'MEAN AFTER':>11} {'SHARE':>7}  QUERY", "head"),)


def _row(row: Compared, width: int, arrow: str) -> Line:
    before = figures.milliseconds(row.before.mean_exec_time) if row.before else figures.UNKNOWN
    after = figures.milliseconds(row.after.mean_exec_time) if row.after else figures.UNKNOWN
    numbers = f" {_change(row.change):>8} {before:>11} {after:>11} {row.share_after:>7.1%}  "
    text = one_line(row.text, max(8, width - 16 - cell_len(numbers)))
    return ((f"{row.verdict.value:<16}", _ROLES[row.verdict]), (numbers, ""), (text, "dim"))


def _change(change: float | None) -> str:
    return figures.UNKNOWN if change is None else f"{change:+.0%}"
