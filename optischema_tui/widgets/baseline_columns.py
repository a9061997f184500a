"""The columns of a list of baselines."""

from __future__ import annotations

from collections.abc import Callable

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import Baseline
from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.live_table import Cell, Column


def baseline_columns(marked: Callable[[], str], glyphs: Callable[[], Glyphs]) -> list[Column[Baseline]]:
    """`marked` gives the name of the baseline that is to be compared."""

    def mark(baseline: Baseline, width: int) -> Cell:
        return (glyphs().arrow if baseline.name == marked() else "", "accent")

    return [
        Column("mark", "", 2, mark),
        Column("name", "NAME", 0, lambda each, width: each.name, sort=lambda each: each.name, largest_first=False),
        Column("since", "FROM", 20, lambda each, width: (local_stamp(each.since), "dim"),
               sort=lambda each: each.since),
        Column("until", "UNTIL", 20, lambda each, width: (local_stamp(each.until), "dim"),
               sort=lambda each: each.until, from_width=130),
        Column("length", "LENGTH", 8, lambda each, width: (figures.seconds(each.until - each.since), "dim"),
               sort=lambda each: each.until - each.since, right=True),
        Column("count", "STMTS", 6, lambda each, width: f"{len(each.statements):,}",
               sort=lambda each: len(each.statements), right=True),
        Column("plans", "PLANS", 5, lambda each, width: _plans(each), sort=_planned, right=True, from_width=90),
        Column("time", "TIME", 8, lambda each, width: figures.milliseconds(_time(each)), sort=_time, right=True,
               from_width=100),
        Column("maker", "MADE BY", 15, _maker, sort=lambda each: each.change_id),
        Column("made", "MADE AT", 20, lambda each, width: (local_stamp(each.created_at), "dim"),
               sort=lambda each: each.created_at, from_width=140),
    ]  # fmt: skip


def _time(baseline: Baseline) -> float:
    return sum(statement.exec_time for statement in baseline.statements)


def _planned(baseline: Baseline) -> int:
    return sum(bool(plan.document) for plan in baseline.plans)


def _plans(baseline: Baseline) -> str:
    return f"{_planned(baseline):,}" if baseline.plans else figures.UNKNOWN


def _maker(baseline: Baseline, width: int) -> Cell:
    change = baseline.change_id
    return (f"change {change[-8:]}", "") if change else ("a person", "dim")
