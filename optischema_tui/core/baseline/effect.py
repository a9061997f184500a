"""Did a change help? The statements of its scope before it began and after it was in place, out of the history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.baseline.day_shape import DayShape
from optischema_tui.core.baseline.evidence import DAY, HOUR, like_for_like
from optischema_tui.core.baseline.scope import Chosen, Scope, choose
from optischema_tui.core.baseline.verdict import RULE, Finding, StatementVerdict, judge_statement, shape_before
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Interval, WindowStats

WATCHED = 72 * HOUR
"""Seconds after a change that are compared with the time before it."""
EARLIER_DAYS = 7
EARLIER_WEEKS = 4
CLOSE = 2 * HOUR
"""Before a change, history is read as finely as it is kept."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One statement before and after."""

    queryid: int
    text: str
    test: StatementVerdict
    share: float
    """0-1 of the time of all statements in the day before."""
    writes: bool = False
    """It writes the table that was changed."""

    @property
    def ratio(self) -> float | None:
        """How many times faster; below 1 it is slower. None while one side has no calls."""
        if self.test.ratio is not None:
            return 1 / self.test.ratio
        means = self.test.mean_before, self.test.mean_after
        return means[0] / means[1] if all(means) else None


@dataclass(frozen=True, slots=True)
class Effect:
    """What was measured: statements in order of importance, empty when history has nothing."""

    rows: tuple[Measured, ...] = ()
    writes: StatementVerdict | None = None
    """All writes of the table together, like for like; None where there was none before."""
    total: StatementVerdict | None = None
    """All statements of the scope together, like for like."""
    rule: str = RULE

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each statement, without its text: mean before, mean after, ratio, verdict."""
        told = [sentence_of(row) for row in self.rows]
        if self.writes is not None and self.writes.decided:
            told.append(f"writes of the table: {self.writes.finding}{_change(self.writes)}")
        return tuple(told)


@dataclass(frozen=True, slots=True)
class Past:
    """The time before a change, which stays what it is: keep it to ask for the effect again."""

    scope: Scope
    chosen: Chosen
    intervals: dict[int, list[Interval]]
    shapes: dict[int, DayShape]
    texts: dict[int, str]
    shares: dict[int, float]
    """0-1 of the time of all statements in the day before."""


def past_of(history: History, fingerprint: str, scope: Scope, begun: float) -> Past:
    """What history says of the time before `begun` (seconds since 1970)."""
    window = history.window(fingerprint, begun - DAY, begun)
    chosen = choose(scope, window)
    texts = {stats.key.queryid: stats.text for stats in reversed(window) if stats.text}
    missing = [queryid for queryid in chosen.queryids if queryid not in texts]
    texts = {each: texts[each] for each in chosen.queryids if each in texts} | history.texts_of(fingerprint, missing)
    intervals = _before(history, fingerprint, chosen.queryids, begun)
    breaks = history.breaks(fingerprint, begun - DAY, begun)
    whole = sum(stats.exec_time for stats in window)
    return Past(
        scope,
        chosen,
        intervals,
        {queryid: shape_before(each, begun, breaks) for queryid, each in intervals.items()},
        texts,
        {queryid: _time(window, queryid) / whole if whole else 0.0 for queryid in chosen.queryids},
    )


def effect(
    history: History,
    fingerprint: str,
    scope: Scope,
    begun: float,
    applied: float,
    until: float = math.inf,
    past: Past | None = None,
) -> Effect:
    """The effect of what began at `begun` and was in place at `applied` (seconds since 1970) on its scope.

    Before: the 24 hours that ended when it began, and the same hours of 7 earlier days and of the same weekday in 4
    weeks, as far as history goes; after: up to 72 hours, and not past `until`, when it was undone. `past`: what
    `past_of` gave for the same change.
    """
    if scope.empty:
        return Effect()
    past = past or past_of(history, fingerprint, scope, begun)
    queryids, before = past.chosen.queryids, past.intervals
    end = min(applied + WATCHED, until)
    after = history.intervals(fingerprint, queryids, applied, end, _tier(history, fingerprint, applied, end))
    breaks = history.breaks(fingerprint, begun - DAY, end)
    rows = []
    for queryid in queryids:
        sides = before.get(queryid, []), after.get(queryid, [])
        if any(sides):
            test = judge_statement(
                *sides, begun, applied, breaks=breaks, statements=len(queryids), shape=past.shapes.get(queryid)
            )
            text, share = past.texts.get(queryid, ""), past.shares.get(queryid, 0.0)
            rows.append(Measured(queryid, text, test, share, queryid in past.chosen.writes))

    def together(wanted: Sequence[int]) -> StatementVerdict | None:
        sides = like_for_like([before.get(each, []) for each in wanted], [after.get(each, []) for each in wanted])
        return judge_statement(*sides, begun, applied, breaks=breaks) if sides[0] else None

    writes = together([each for each in queryids if each in past.chosen.writes])
    return Effect(tuple(rows), writes, together(queryids))


def figures(row: Measured) -> dict[str, Any]:
    """A measured statement as JSON values, for a change's detail and the audit. Times in ms; `change`, `low` and `high`
    of the mean: -0.8 is 80 % less."""
    test = row.test
    return {
        "queryid": row.queryid,
        "text": row.text,
        "calls_before": test.calls_before,
        "calls_after": test.calls_after,
        "mean_ms_before": test.mean_before if test.calls_before else None,
        "mean_ms_after": test.mean_after if test.calls_after else None,
        "ratio": row.ratio,
        "change": test.ratio - 1 if test.ratio is not None else None,
        "low": test.low - 1 if test.ratio is not None else None,
        "high": test.high - 1 if test.ratio is not None and math.isfinite(test.high) else None,
        "confidence": test.confidence,
        "noise": test.noise,
        "share": row.share,
        "writes": row.writes,
        "verdict": test.finding.value,
        "why": test.why,
    }


def sentence_of(row: Measured) -> str:
    test = row.test
    before = f"{test.mean_before:.2f} ms over {test.calls_before} calls" if test.calls_before else "not in history"
    if not test.calls_after:
        return f"before {before}; after: no call measured yet"
    after = f"{test.mean_after:.2f} ms over {test.calls_after} calls"
    return f"before {before}; after {after}{_change(test)}: {test.finding}" + (
        f" ({test.why})" if test.finding is Finding.UNKNOWN else f" ({test.confidence:.1%} sure)"
    )


def _change(test: StatementVerdict) -> str:
    if test.ratio is None:
        return ""
    return f", {1 / test.ratio:.1f}x faster" if test.ratio <= 1 else f", {test.ratio:.1f}x slower"


def _before(
    history: History, fingerprint: str, queryids: Sequence[int], begun: float
) -> dict[int, list[Interval]]:  # fmt: skip
    """Fine close to the change, coarser further away, in pieces that do not overlap."""
    week = EARLIER_DAYS * DAY
    pieces = [(begun - CLOSE, begun, 0), (begun - DAY, begun - CLOSE, 60), (begun - week, begun - DAY, 600)]
    for number in range(2, EARLIER_WEEKS + 1):
        pieces.append((begun - number * week, begun - number * week + DAY, 3600))
    found: dict[int, list[Interval]] = {}
    for since, until, tier in pieces:
        for queryid, intervals in history.intervals(fingerprint, queryids, since, until, tier).items():
            found.setdefault(queryid, []).extend(intervals)
    return {queryid: sorted(each, key=lambda interval: interval.at) for queryid, each in found.items()}


def _tier(history: History, fingerprint: str, applied: float, end: float) -> int:
    span = history.span(fingerprint)
    length = min(end, span[1]) - applied if span else 0.0
    return 0 if length < HOUR else 60 if length < 12 * HOUR else 600


def _time(window: Sequence[WindowStats], queryid: int) -> float:
    return sum(stats.exec_time for stats in window if stats.key.queryid == queryid)
