"""A stretch of history, and a comparison of two, as lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rich.cells import cell_len

from optischema_tui.core.baseline.compare import Compared, Comparison, Verdict
from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import Baseline, WindowStats
from optischema_tui.core.safe_text import one_line
from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, wrap
from optischema_tui.widgets.sections import heading

ROLES = {
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
    lines += wrap(_plans(baseline), width)
    wide = width >= WIDE
    more = f"{'ROWS':>8} {'BLOCKS':>8} {'TEMP':>8} " if wide else ""
    lines += [(), ((f"{'SHARE':>6} {'CALLS':>8} {'MEAN':>9} {'SPREAD':>9} {more} QUERY", "head"),)]
    for stats in baseline.statements[:ROWS_SHOWN]:
        share = stats.exec_time / whole if whole else 0.0
        numbers = f"{share:>6.1%} {figures.count(stats.calls):>8} {figures.milliseconds(stats.mean_exec_time):>9} "
        numbers += f"{spread(stats):>9} "
        if wide:
            numbers += "".join(
                f"{figures.count(value):>8} " for value in (stats.rows, stats.shared_blks, stats.temp_blks)
            )
        text = one_line(stats.text, max(8, width - 1 - cell_len(numbers)))
        lines.append(((f"{numbers} ", ""), (text, "dim")))
    return [*lines, *_rest(len(baseline.statements))]


def _plans(baseline: Baseline) -> Line:
    """Plans are of the moment that a baseline was made, whatever its window."""
    kept = sum(bool(plan.document) for plan in baseline.plans)
    if not kept:
        why = f": {one_line(baseline.no_plans)}" if baseline.no_plans else ""
        return (("Plans: ", "dim"), (f"none were kept with it{why}", ""))
    when = local_stamp(max(plan.taken_at for plan in baseline.plans if plan.document))
    return (("Plans: ", "dim"), (f"of {kept} statements, as of {when}", ""))


def total_lines(first: str, second: str, comparison: Comparison, width: int, glyphs: Glyphs) -> list[Line]:
    """What is compared with what, and all statements together with their verdict."""
    total = comparison.total
    arrow = glyphs.arrow
    over = f"{figures.seconds(comparison.seconds_before)} {arrow} {figures.seconds(comparison.seconds_after)}"
    lines: list[Line] = [heading(one_line(f"{first} {arrow} {second}", max(8, width - 24)), over, width, glyphs)]
    pairs = (("calls", (total.calls_before, total.calls_after)), ("rows", total.rows), ("blocks", total.shared_blks),
             ("temp", total.temp_blks))  # fmt: skip
    spreads = [figures.milliseconds(spread) for spread in total.spread]
    return lines + wrap(
        (
            ("In all: ", "dim"),
            (f"{total.verdict.value} ", ROLES[total.verdict]),
            (f"({change_words(total.change)} per call, like for like; noise {total.noise:.0%})   ", ""),
            (f"time {figures.milliseconds(total.time_before)} {arrow} ", "dim"),
            (f"{figures.milliseconds(total.time_after)}   ", "dim"),
            (f"mean {_mean(total.time_before, total.calls_before)} {arrow} ", "dim"),
            (f"{_mean(total.time_after, total.calls_after)}   ", "dim"),
            (f"spread {f' {arrow} '.join(spreads)}   ", "dim"),
            *((f"{name} {figures.count(a)} {arrow} {figures.count(b)}   ", "dim") for name, (a, b) in pairs if a or b),
        ),
        width,
    )


def _mean(time: float, calls: int) -> str:
    return figures.milliseconds(time / calls if calls else None)


def row_lines(row: Compared, width: int, glyphs: Glyphs) -> list[Line]:
    """One statement in words: both sides' figures, what is known of its plans, and the beginning of its text."""
    sides, arrow = (row.before, row.after), glyphs.arrow
    pieces = [
        f"calls {_pair(sides, lambda stats: figures.count(stats.calls), arrow)}",
        f"mean {_pair(sides, lambda stats: figures.milliseconds(stats.mean_exec_time), arrow)}",
        f"spread {_pair(sides, spread, arrow)}",
        f"share {row.share_before:.1%} {arrow} {row.share_after:.1%}",
    ]
    for name, field in (("rows", "rows"), ("blocks", "shared_blks"), ("temp", "temp_blks")):
        if any(stats is not None and getattr(stats, field) for stats in sides):
            pieces.append(f"{name}/call {_pair(sides, partial(per_call, field=field), arrow)}")
    words: Line = ((row.verdict.value, ROLES[row.verdict]), (f" ({change_words(row.change)})   ", ""))
    if row.plan:
        words = (*words, (f"plan: {one_line(row.plan, 300)}   ", "accent"))
    return wrap((*words, ("   ".join(pieces), "dim")), width) + _first_lines(row.text, width, 2)


def rule_lines(comparison: Comparison, width: int) -> list[Line]:
    """What the verdicts go by."""
    return wrap(((comparison.rule, "dim"),), width)


def _first_lines(text: str, width: int, count: int) -> list[Line]:
    """The beginning of a statement in `count` lines, the last one cut where there is more."""
    lines = ["".join(piece for piece, _ in line) for line in wrap(((one_line(text, width * (count + 1)), ""),), width)]
    rest = one_line("".join(lines[count - 1 :]), width)
    return [((line, ""),) for line in (*lines[: count - 1], rest) if line]


def _pair(sides: tuple[WindowStats | None, WindowStats | None], value: Callable[[WindowStats], str], arrow: str) -> str:
    before, after = (figures.UNKNOWN if stats is None else value(stats) for stats in sides)
    return f"{before} {arrow} {after}"


def _rest(count: int) -> list[Line]:
    return [((f"{count - ROWS_SHOWN} lighter statements are not shown here", "dim"),)] if count > ROWS_SHOWN else []


def per_call(stats: WindowStats | None, field: str) -> str:
    return figures.count(getattr(stats, field) / stats.calls) if stats and stats.calls else figures.UNKNOWN


def spread(stats: WindowStats | None) -> str:
    """The calls' standard deviation; 0 is one that history does not know."""
    return figures.milliseconds(stats.stddev_exec_time or None) if stats else figures.UNKNOWN


def change_words(change: float | None) -> str:
    """`-80%`; from tenfold on `12x`: more than a column holds."""
    if change is None:
        return figures.UNKNOWN
    return f"{change:+.0%}" if change < 10 else f"{change + 1:.3g}x"
