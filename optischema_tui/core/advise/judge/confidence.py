"""How far a recommendation's figures may be trusted, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optischema_tui.core.models import IndexSpec, TableFacts
from optischema_tui.core.safe_text import one_line

_FAR, _NEAR = 0.5, 0.1
"""Shares by which the lab's cost may differ from the target's before trust falls to low, to medium."""
_STALE = 0.1
"""Share of a table's rows changed since the last ANALYZE."""
_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is known about the plans that prove one index."""

    guess: str = ""
    """Of the what-if index: why plans with it rest on a guess."""
    stops_early: bool = False
    unknown_share: float = 0.0
    """0-1 of the saved time that is in plans whose values are not known."""
    values_only: bool = False
    """The plans with values use it, those with unknown parameters do not."""
    fidelity: Mapping[int, float | None] | None = None
    """Of the helped statements by queryid: |lab - target| / target, None not asked."""
    doubts: Sequence[str] = ()
    """Ranges in the plans whose ends the lab does not know, a sentence each."""
    not_modelled: Sequence[str] = ()
    """What the lab cannot take into account, one line each."""


def confidence(spec: IndexSpec, table: TableFacts, grounds: Grounds) -> str:
    """`high`, `medium` or `low`, a colon, and up to three reasons in one sentence without a stop."""
    low = [*_blind(spec, table), *([grounds.guess.rstrip(".")] if grounds.guess else [])]
    medium = []
    far = [value for value in (grounds.fidelity or {}).values() if value is not None]
    worst = max(far, default=0.0)
    if worst > _FAR:
        low.append(f"the lab's cost of a statement differs from the server's own by {worst:.0%}")
    elif worst > _NEAR:
        medium.append(f"the lab's cost of a statement differs from the server's own by {worst:.0%}")
    if grounds.stops_early:
        medium.append("the plan stops at a LIMIT, and how soon depends on where the matching rows lie in the order")
    if grounds.unknown_share > 0.5:
        medium.append("the values of $n are not known, so the plan is the one for an average value")
    if grounds.values_only:
        medium.append("it serves when the server knows the values as it plans, not a prepared statement's generic plan")
    medium += [one_line(line, 200).rstrip(".") for line in grounds.doubts]
    if table.rows > 0 and table.modified > _STALE * table.rows:
        changed = min(table.modified / table.rows, 9.99)
        medium.append(f"rows changed since the last ANALYZE: {changed:.0%} of the table, so its statistics are old")
    name = f"{table.schema}.{table.name}"
    medium += [
        one_line(line, 160).rstrip(".") for line in grounds.not_modelled if name in line or f" {table.name} " in line
    ]
    if low:
        return f"low: {'; '.join((low + medium)[:_MOST_REASONS])}"
    if medium:
        return f"medium: {'; '.join(medium[:_MOST_REASONS])}"
    checked = f"; the lab agrees with the server within {max(worst, 0.01):.0%}" if far else ""
    return f"high: planned with values and the table's statistics{checked}"


def _blind(spec: IndexSpec, table: TableFacts) -> list[str]:
    """A reason when the planner has no statistics of a key."""
    blind = [
        column.name
        for column in table.columns
        if column.name in spec.columns and not (column.n_distinct or column.null_frac or column.histogram_bounds)
    ]
    return [f"no statistics of {', '.join(blind)} were readable, so the planner guesses"] if blind else []
