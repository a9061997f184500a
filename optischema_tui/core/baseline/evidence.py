"""Which stored intervals say something about a statement, and how they are put together for a test. No I/O.

What is left out: intervals with evictions (a lower bound may mix two lives of a statement), the time after a break
(a restart, a crash, a reset), and later ones for as long as the server's cache is clearly colder than it was before.
The rest is put together in blocks of equal length with enough calls each, so that a block's mean means something.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optischema_tui.core.models import Interval

HOUR, DAY = 3600.0, 86400.0
SETTLE = 1800.0
"""Seconds after a break, or after a change, in which a cold cache is expected."""
COLD = 4 * HOUR
"""Seconds after a break in which intervals with a cold cache are still left out."""
CALLS_A_BLOCK = 10
BLOCKS = 24
"""Blocks at least that the time after a change is cut into, where there are calls enough."""
LONGEST_BLOCK = 600.0
"""Seconds: so that a burst fills few blocks and does not tinge many."""
LEAST_TIME = 1e-6
"""ms: a mean of 0 has no logarithm."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of time of one statement."""

    begin: float
    end: float
    calls: int
    level: float
    """Natural logarithm of the mean time (ms), without what few skewed calls take off it."""
    error: float
    """Variance of `level` that comes from the calls' own spread; 0 when that is not known."""

    @property
    def middle(self) -> float:
        return (self.begin + self.end) / 2


def usable(
    before: Sequence[Interval], after: Sequence[Interval], breaks: Iterable[float], applied: float
) -> tuple[list[Interval], list[Interval]]:
    """Both sides without what is no evidence. `breaks`: when epochs ended; `applied`: when the change was in place."""
    moments = sorted(breaks)
    before = [each for each in before if not each.lower_bound and not _within(each, moments, SETTLE)]
    warm = _misses(before, moments)
    blocks = _median([(each.hit + each.read) / each.calls for each in before])
    kept = []
    for each in after:
        if each.lower_bound or _within(each, moments, SETTLE):
            continue
        expected = _within(each, moments, COLD) or each.begin < applied + SETTLE
        if expected and warm is not None and _cold(each, warm, blocks):
            continue
        kept.append(each)
    return [each for each in before if not (warm is not None and _within(each, moments, COLD)
                                            and _cold(each, warm, blocks))], kept  # fmt: skip


def blocks_of(intervals: Iterable[Interval], width: float, least_calls: float) -> list[Block]:
    """Neighbours put together until they cover `width` seconds and `least_calls` calls."""
    found: list[list[Interval]] = []
    calls = 0
    for each in sorted(intervals, key=lambda each: (each.at, each.seconds)):
        if found and (calls < least_calls or found[-1][-1].at - found[-1][0].begin < width * 0.999):
            found[-1].append(each)
            calls += each.calls
        else:
            found.append([each])
            calls = each.calls
    if len(found) > 1 and calls < least_calls:
        last = found.pop()
        found[-1] += last
    return [_block(parts) for parts in found]


def shape_of_blocks(after: Sequence[Interval]) -> tuple[float, float]:
    """(seconds, calls) that a block of both sides has, by what there is after the change."""
    if not after:
        return 0.0, 1.0
    span = max(each.at for each in after) - min(each.begin for each in after)
    calls = sum(each.calls for each in after)
    return min(LONGEST_BLOCK, span / BLOCKS), max(1.0, min(CALLS_A_BLOCK, calls / 6))


def like_for_like(before: Sequence[Sequence[Interval]], after: Sequence[Sequence[Interval]]) -> tuple[
    list[Interval], list[Interval]
]:  # fmt: skip
    """Several statements as one: in each interval, the time taken against what the same calls took on average before.

    Its "ms" are times the expected ones, so that another mix of calls is neither better nor worse. `before` and
    `after` have the same statements in the same order; one without calls before has no expectation and is left out.
    """
    means = [
        time / calls if (calls := sum(x.calls for x in side)) and (time := sum(x.exec_time for x in side)) else 0.0
        for side in before
    ]
    return _joined(before, means), _joined(after, means)


def _joined(side: Sequence[Sequence[Interval]], means: Sequence[float]) -> list[Interval]:
    sums: dict[tuple[float, float], list[float]] = {}
    bounds: set[tuple[float, float]] = set()
    for intervals, mean in zip(side, means, strict=True):
        for each in intervals if mean else ():
            cell = sums.setdefault((each.at, each.seconds), [0, 0.0, 0.0, 0, 0])
            cell[0] += each.calls
            cell[1] += each.exec_time
            cell[2] += each.calls * mean
            cell[3] += each.hit
            cell[4] += each.read
            if each.lower_bound:
                bounds.add((each.at, each.seconds))
    return [
        Interval(at, seconds, int(calls), time / expected * calls, None, 0, int(hit), int(read), 0,
                 (at, seconds) in bounds)
        for (at, seconds), (calls, time, expected, hit, read) in sorted(sums.items())
    ]  # fmt: skip


def _block(parts: Sequence[Interval]) -> Block:
    calls = sum(each.calls for each in parts)
    mean = max(LEAST_TIME, sum(each.exec_time for each in parts) / calls)
    known = [each for each in parts if each.squares is not None]
    freedom = sum(each.calls - 1 for each in known)
    error = 0.0
    if freedom > 0:
        spread = sum(each.squares or 0.0 for each in known) / freedom
        error = min(0.5, spread / (calls * mean * mean))
    # E[log of a mean of n calls] lies below the log of the true mean by half its relative variance.
    return Block(min(each.begin for each in parts), max(each.at for each in parts), calls, math.log(mean) + error / 2,
                 error)  # fmt: skip


def _within(interval: Interval, moments: Sequence[float], seconds: float) -> bool:
    return any(moment - interval.seconds < interval.begin < moment + seconds for moment in moments)


def _misses(before: Sequence[Interval], moments: Sequence[float]) -> float | None:
    """Blocks per call not found in the cache that nine of ten warm intervals stay below; None without figures."""
    shares = sorted(each.read / each.calls for each in before if not _within(each, moments, COLD))
    return shares[int(0.9 * (len(shares) - 1))] if shares else None


def _cold(each: Interval, warm: float, blocks: float) -> bool:
    """More misses than ever while warm, at no more work: that is the cache's doing and not a plan's."""
    return each.read / each.calls > 1.1 * warm + 0.1 and (each.hit + each.read) / each.calls <= 1.1 * blocks + 1.0


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
