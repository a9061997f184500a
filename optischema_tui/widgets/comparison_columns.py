"""The columns of a comparison: both sides' figures beside each other, before on the left."""

from __future__ import annotations

import math
from collections.abc import Callable

from optischema_tui.core.baseline.compare import Compared, Verdict
from optischema_tui.core.models import WindowStats
from optischema_tui.widgets import figures
from optischema_tui.widgets.comparison_text import ROLES, change_words, per_call, spread
from optischema_tui.widgets.live_table import Cell, Column
from optischema_tui.widgets.plan_pair import same_work

_SHORT = {Verdict.TOO_FEW: "few calls"}
_RANK = {verdict: place for place, verdict in enumerate(
    (Verdict.WORSE, Verdict.NEW, Verdict.BETTER, Verdict.SAME, Verdict.TOO_FEW, Verdict.GONE)
)}  # fmt: skip
Value = Callable[[WindowStats], float]


def comparison_columns() -> list[Column[Compared]]:
    return [
        Column("verdict", "VERDICT", 9, lambda row, width: (_SHORT.get(row.verdict, row.verdict.value),
                                                            ROLES[row.verdict]),
               sort=lambda row: _RANK[row.verdict], largest_first=False),
        Column("change", "CHANGE", 7, lambda row, width: change_words(row.change), right=True,
               sort=lambda row: -math.inf if row.change is None else row.change),
        *_pair("mean", "MEAN", 8, 0, lambda stats: stats.mean_exec_time, _mean),
        *_pair("calls", "CALLS", 6, 120, lambda stats: stats.calls, _calls),
        *_pair("spread", "SPREAD", 8, 140, lambda stats: stats.stddev_exec_time, spread),
        *_pair("blocks", "BLKS/C", 7, 155, lambda stats: _each(stats, "shared_blks"),
               lambda stats: per_call(stats, "shared_blks")),
        *_pair("rows", "ROWS/C", 7, 170, lambda stats: _each(stats, "rows"), lambda stats: per_call(stats, "rows")),
        *_pair("temp", "TEMP/C", 7, 185, lambda stats: _each(stats, "temp_blks"),
               lambda stats: per_call(stats, "temp_blks")),
        Column("share", "SHARE", 6, lambda row, width: figures.percent(row.share_before), right=True, from_width=100,
               sort=lambda row: row.share_before),
        Column("share.after", "→SHARE", 6, lambda row, width: figures.percent(row.share_after), right=True,
               sort=lambda row: row.share_after),
        Column("plan", "PLAN", 7, _plan, sort=lambda row: _plan(row, 0)[0], largest_first=False),
        Column("query", "QUERY", 0, lambda row, width: (row.text, "dim"), sort=lambda row: row.text,
               largest_first=False),
    ]  # fmt: skip


def _pair(
    name: str, label: str, width: int, from_width: int, value: Value, cell: Callable[[WindowStats | None], str]
) -> tuple[Column[Compared], Column[Compared]]:
    return (
        Column(name, label, width, lambda row, width: cell(row.before), right=True, from_width=from_width,
               sort=lambda row: -1.0 if row.before is None else value(row.before)),
        Column(f"{name}.after", f"→{label}", width, lambda row, width: cell(row.after),
               right=True, from_width=from_width, sort=lambda row: -1.0 if row.after is None else value(row.after)),
    )  # fmt: skip


def _mean(stats: WindowStats | None) -> str:
    return figures.milliseconds(stats.mean_exec_time if stats else None)


def _calls(stats: WindowStats | None) -> str:
    return figures.count(stats.calls if stats else None)


def _each(stats: WindowStats, field: str) -> float:
    return float(getattr(stats, field)) / stats.calls if stats.calls else 0.0


def _plan(row: Compared, width: int) -> Cell:
    same = same_work(*row.plans)
    if same is None:
        return figures.UNKNOWN, "dim"
    return ("same", "dim") if same else ("another", "accent")
