"""How fast things went, as far as stored readings tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from optischema_tui.core.findings.maintenance.facts import Facts, TablePast

LEAST_SECONDS = 1800.0
"""A pace of less time than this says nothing of the coming days."""


def seconds_of(past: Sequence[TablePast]) -> float:
    return past[-1].at - past[0].at if past else 0.0


def growth(past: Sequence[TablePast], of: Callable[[TablePast], int]) -> tuple[float, float]:
    """(increase, seconds) of a counter over its stored readings; steps over a reset count neither."""
    total, seconds = 0.0, 0.0
    for earlier, later in pairwise(past):
        step = of(later) - of(earlier)
        if earlier.epoch == later.epoch and step >= 0:
            total += step
            seconds += later.at - earlier.at
    return total, seconds


def per_hour(past: Sequence[TablePast], of: Callable[[TablePast], int]) -> float | None:
    """None where the readings span too little time."""
    total, seconds = growth(past, of)
    return total / seconds * 3600 if seconds >= LEAST_SECONDS else None


def xids_per_hour(facts: Facts) -> float | None:
    """Transactions that take a number, per hour: the age of a table that nobody freezes grows by each of them.

    Of every pair of moments the largest growth of any table counts: a frozen one grows less. None without history.
    """
    steps: dict[tuple[float, float], int] = {}
    for past in facts.past.values():
        for earlier, later in pairwise(past):
            if earlier.xid_age is not None and later.xid_age is not None and later.at > earlier.at:
                pair = (earlier.at, later.at)
                steps[pair] = max(steps.get(pair, 0), later.xid_age - earlier.xid_age)
    seconds = sum(later - earlier for earlier, later in steps)
    return sum(steps.values()) / seconds * 3600 if seconds >= LEAST_SECONDS else None
