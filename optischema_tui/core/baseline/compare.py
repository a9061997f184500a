"""Before against after, statement by statement, with a stated rule. No I/O.

The rule (`RULE` says it in words): a statement's mean time is better or worse when it moved by more than the noise. The
noise is 3 standard errors of the difference of the two means (from the calls' own spread), but at least 5 %; it is
10 % where the spread is not known. It is *the same* when it moved by less and is surely within 10 %: what it moved and
two standard errors together. Else, and under 5 calls on either side, there is no verdict. The total compares like with
like: what the later calls would have taken at the earlier means against what they took, so that a changed mix of
calls alone is neither better nor worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from optischema_tui.core.baseline.plans import plan_words
from optischema_tui.core.models import Baseline, KeptPlan, StatementKey, WindowStats

MIN_CALLS = 5
FLOOR = 0.05
UNKNOWN_SPREAD = 0.10
ERRORS = 3.0
SAME_WITHIN, SAME_ERRORS = 0.10, 2.0
RULE = (
    f"better or worse: the mean moved by more than {ERRORS:g} standard errors and {FLOOR:.0%}"
    f" ({UNKNOWN_SPREAD:.0%} where the spread is unknown); same: by less, and surely within {SAME_WITHIN:.0%};"
    f" else, and under {MIN_CALLS} calls on a side: not enough calls"
)


class Verdict(StrEnum):
    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    TOO_FEW = "not enough calls"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Compared:
    """One statement on both sides."""

    key: StatementKey
    text: str
    before: WindowStats | None
    after: WindowStats | None
    share_before: float
    """0-1 of all execution time of that side."""
    share_after: float
    change: float | None
    """Of the mean time: -0.8 is 80 % less. None when a side has no calls."""
    noise: float
    """A change up to this (0.05 = 5 %) is the same."""
    verdict: Verdict
    plan: str = ""
    """What is known of its plan on both sides, e.g. of an index that was built in between."""
    plans: tuple[KeptPlan | None, KeptPlan | None] = (None, None)
    """Before and after; None where none was kept."""

    @property
    def ratio(self) -> float | None:
        """Mean before / mean after: 5.0 is five times faster. None when a side has no time."""
        if not (self.before and self.after and self.before.mean_exec_time and self.after.mean_exec_time):
            return None
        return self.before.mean_exec_time / self.after.mean_exec_time


@dataclass(frozen=True, slots=True)
class Total:
    """All statements of each side; times in ms."""

    calls_before: int
    calls_after: int
    time_before: float
    time_after: float
    change: float | None
    """Like for like over the statements that both sides have; None without one."""
    noise: float
    verdict: Verdict
    rows: tuple[int, int] = (0, 0)
    shared_blks: tuple[int, int] = (0, 0)
    temp_blks: tuple[int, int] = (0, 0)
    """Of each side."""
    spread: tuple[float | None, float | None] = (None, None)
    """ms, of all calls of a side from their common mean; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Comparison:
    before: str
    """Name of the earlier side."""
    after: str
    seconds_before: float
    seconds_after: float
    rows: tuple[Compared, ...]
    """Heaviest first, by the larger of its two shares."""
    total: Total
    rule: str = RULE


def compare(a: Baseline, b: Baseline) -> Comparison:
    """`a` is before, `b` is after."""
    rows = tuple(_with_plans(row, a, b) for row in compare_windows(a.statements, b.statements))
    total = _total(a.statements, b.statements, rows)
    return Comparison(a.name, b.name, a.until - a.since, b.until - b.since, rows, total)


def _with_plans(row: Compared, a: Baseline, b: Baseline) -> Compared:
    pair = _plan_of(row, a), _plan_of(row, b)
    return replace(row, plans=pair, plan=plan_words(*pair))


def _plan_of(row: Compared, side: Baseline) -> KeptPlan | None:
    """Of a side that has none at all, an empty one that says why."""
    queryid = row.key.queryid
    if side.no_plans:
        return KeptPlan(queryid, 0.0, "", side.no_plans)
    return next((plan for plan in side.plans if plan.queryid == queryid), None)


def compare_windows(before: Sequence[WindowStats], after: Sequence[WindowStats]) -> tuple[Compared, ...]:
    """Every statement of either side, heaviest first."""
    olds, news = {stats.key: stats for stats in before}, {stats.key: stats for stats in after}
    time_before, time_after = _time(before), _time(after)
    rows = [
        compare_statement(olds.get(key), news.get(key), time_before, time_after)
        for key in dict.fromkeys((*news, *olds))
    ]
    return tuple(sorted(rows, key=lambda row: -max(row.share_before, row.share_after)))


def compare_statement(
    before: WindowStats | None, after: WindowStats | None, time_before: float = 0.0, time_after: float = 0.0
) -> Compared:
    """One statement; the times are the sides' whole execution times in ms, for the shares. One side must be given."""
    known = after or before
    if known is None:
        raise ValueError("a statement must be on one side at least")
    change, noise, verdict = _judge(before, after)
    return Compared(
        key=known.key,
        text=known.text or (before.text if before else ""),
        before=before,
        after=after,
        share_before=before.exec_time / time_before if before and time_before > 0 else 0.0,
        share_after=after.exec_time / time_after if after and time_after > 0 else 0.0,
        change=change,
        noise=noise,
        verdict=verdict,
    )


def _judge(before: WindowStats | None, after: WindowStats | None) -> tuple[float | None, float, Verdict]:
    if before is None or not before.calls:
        return None, 0.0, Verdict.NEW
    if after is None or not after.calls:
        return None, 0.0, Verdict.GONE
    if before.mean_exec_time <= 0:
        return None, 0.0, Verdict.TOO_FEW
    change = after.mean_exec_time / before.mean_exec_time - 1.0
    error = _error(before, after) / before.mean_exec_time
    noise = max(FLOOR, ERRORS * error)
    few = min(before.calls, after.calls) < MIN_CALLS
    return change, noise, Verdict.TOO_FEW if few else _verdict(change, noise, error)


def _verdict(change: float, noise: float, error: float) -> Verdict:
    if abs(change) <= noise:
        return Verdict.SAME if abs(change) + SAME_ERRORS * error <= SAME_WITHIN else Verdict.TOO_FEW
    return Verdict.BETTER if change < 0 else Verdict.WORSE


def _error(before: WindowStats, after: WindowStats) -> float:
    """Standard error (ms) of the difference of the means; where a spread is unknown, what makes the noise 10 %."""
    if before.stddev_exec_time > 0 and after.stddev_exec_time > 0:
        return math.sqrt(before.stddev_exec_time**2 / before.calls + after.stddev_exec_time**2 / after.calls)
    return UNKNOWN_SPREAD / ERRORS * before.mean_exec_time


def whole_spread(side: Sequence[WindowStats]) -> float | None:
    """Standard deviation (ms) of all calls of a side from their common mean: that within each statement, and that
    between the statements' means. None without a call, and where one statement's own is not known."""
    calls = sum(stats.calls for stats in side)
    if not calls or any(stats.calls > 1 and not stats.stddev_exec_time for stats in side):
        return None
    mean = sum(stats.exec_time for stats in side) / calls
    squares = sum(stats.calls * (stats.stddev_exec_time**2 + (stats.mean_exec_time - mean) ** 2) for stats in side)
    return math.sqrt(squares / calls)


def _time(side: Iterable[WindowStats]) -> float:
    return sum(stats.exec_time for stats in side)


def _total(before: Sequence[WindowStats], after: Sequence[WindowStats], rows: Iterable[Compared]) -> Total:
    expected = taken = squares = 0.0
    for row in rows:
        if row.before and row.after and row.change is not None:
            expected += row.after.calls * row.before.mean_exec_time
            taken += row.after.exec_time
            squares += (row.after.calls * _error(row.before, row.after)) ** 2
    change = taken / expected - 1.0 if expected > 0 else None
    error = math.sqrt(squares) / expected if expected > 0 else 0.0
    noise = max(FLOOR, ERRORS * error) if expected > 0 else 0.0
    calls = [sum(stats.calls for stats in side) for side in (before, after)]
    enough = change is not None and min(calls) >= MIN_CALLS
    verdict = _verdict(change or 0.0, noise, error) if enough else Verdict.TOO_FEW
    rows_of, blocks, temp = [
        (sum(getattr(stats, name) for stats in before), sum(getattr(stats, name) for stats in after))
        for name in ("rows", "shared_blks", "temp_blks")
    ]
    spread = whole_spread(before), whole_spread(after)
    return Total(calls[0], calls[1], _time(before), _time(after), change, noise, verdict, rows_of, blocks, temp, spread)
