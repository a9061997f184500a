"""Column statistics from a sample, as ANALYZE computes them from its own.

The arithmetic is that of compute_scalar_stats and analyze_mcv_list in PostgreSQL's analyze.c: Duj1 of Haas and Stokes,
"Sampling-Based Estimation of the Number of Distinct Values of an Attribute" (VLDB 1995), for the distinct values;
common are the values that the sample has more often, by two standard deviations of the hypergeometric distribution,
than the rest on average. A sample of whole pages says less than one of single rows where equal values lie together: the
variance of a value's count grows by the rows that each page of it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt

from optischema_tui.core.lab.arrays import array_text
from optischema_tui.core.lab.image import ColumnStatistics


@dataclass(frozen=True, slots=True)
class Group:
    """One distinct value of the sample."""

    value: str
    count: int
    pages: int
    """Pages of the table that its rows are on."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`groups` in the order of their values, NULLs and values too wide for statistics left out."""

    rows: int
    """Of the sample, NULLs and wide values included."""
    total_rows: float
    """Of the table."""
    nulls: int
    wide: int
    width: int
    """Mean bytes of the values that are not NULL."""
    groups: Sequence[Group]
    ordered: float
    """Sum over the values of their place in the table times their place in the order, both from 0."""


def statistics_of(sample: Sample, column: str, target: int) -> ColumnStatistics:
    """What ANALYZE with a statistics target of `target` would store; `relation` and `number` are 0."""
    total = max(sample.total_rows, float(sample.rows), 1.0)
    null_frac = sample.nulls / sample.rows if sample.rows else 0.0
    distinct = _distinct(sample, total, null_frac)
    common = _common(sample, total, null_frac, distinct, target)
    values = tuple(sample.groups[at].value for at in common)
    bounds = _bounds([group for at, group in enumerate(sample.groups) if at not in set(common)], target)
    correlation = _correlation(sum(group.count for group in sample.groups), sample.ordered)
    return ColumnStatistics(
        relation=0,
        number=0,
        column=column,
        inherited=False,
        null_frac=null_frac,
        width=sample.width,
        n_distinct=distinct,
        common_values=array_text(values) if values else None,
        common_freqs=_numbers([sample.groups[at].count / sample.rows for at in common]) if values else None,
        histogram=array_text(bounds) if bounds else None,
        correlation=None if correlation is None else f"{correlation:.9g}",
    )


def _distinct(sample: Sample, total: float, null_frac: float) -> float:
    """stadistinct: a number of values, or negative a share of the rows."""
    several = sum(group.count > 1 for group in sample.groups)
    seen = len(sample.groups)
    present = sample.rows - sample.nulls
    if not present:
        return 0.0
    if several == 0:
        return -(1.0 - null_frac)
    once = seen - several + sample.wide
    if once == 0:
        found = float(seen)
    else:
        known, there = once + several, total * (1.0 - null_frac)
        found = present * known / (present - once + once * present / there)
        found = float(floor(min(max(found, known), there) + 0.5))
    return -found / total if found > 0.1 * total else found


def _common(sample: Sample, total: float, null_frac: float, distinct: float, target: int) -> list[int]:
    """Places of the most common values in `groups`, the most frequent first."""
    places = sorted(range(len(sample.groups)), key=lambda at: (-sample.groups[at].count, at))
    repeated = [at for at in places if sample.groups[at].count > 1]
    if len(repeated) == len(sample.groups) and not sample.wide and distinct > 0 and len(repeated) <= target:
        return repeated
    return repeated[
        : _frequent([sample.groups[at] for at in repeated[:target]], sample.rows, total, null_frac, distinct)
    ]


def _frequent(groups: Sequence[Group], rows: int, total: float, null_frac: float, distinct: float) -> int:
    """How many of the groups, whose counts fall, stand out from what the values left over have on average."""
    keep = len(groups)
    if rows >= total or total <= 1.0:
        return keep
    there = -distinct * total if distinct < 0 else distinct
    before = float(sum(group.count for group in groups[:-1]))
    while keep > 0:
        share = min(1.0, max(0.0, 1.0 - before / rows - null_frac))
        others = there - (keep - 1)
        if others > 1:
            share /= others
        count = groups[keep - 1].count
        held = total * count / rows
        variance = rows * held * (total - held) * (total - rows) / (total * total * (total - 1))
        variance *= count / max(1, groups[keep - 1].pages)
        if count > share * rows + 2 * sqrt(max(0.0, variance)) + 0.5:
            break
        keep -= 1
        before -= groups[keep - 1].count if keep else 0
    return keep


def _bounds(groups: Sequence[Group], target: int) -> list[str]:
    """Values that cut the sample, less the common values, into bins of equal size."""
    count = min(len(groups), target + 1)
    if count < 2:
        return []
    values = sum(group.count for group in groups)
    bounds: list[str] = []
    passed, group = groups[0].count, 0
    for number in range(count):
        at = number * (values - 1) // (count - 1)
        while passed <= at:
            group += 1
            passed += groups[group].count
        bounds.append(groups[group].value)
    return bounds


def _correlation(values: int, ordered: float) -> float | None:
    if values < 2:
        return None
    total = (values - 1) * values / 2
    squares = (values - 1) * values * (2 * values - 1) / 6
    return (values * ordered - total * total) / (values * squares - total * total)


def _numbers(numbers: Sequence[float]) -> str:
    return "{" + ",".join(f"{number:.9g}" for number in numbers) + "}"
