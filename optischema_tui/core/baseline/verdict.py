"""Did a statement get faster or slower? Its intervals before against those after, with a stated test. No I/O.

The model: a block of time has a level (the mean time of its calls) that chance moves in two ways, by its calls and by
what else happens on the server in it. `noise` says how the level of a side and its variance are found. The effect is
the difference of two such levels, tested by Welch's t (1947) with the degrees of freedom of Satterthwaite. The side
after the change also carries the drift that the time before it shows between stretches of its length.

- better, worse: the effect differs from none at 99.9 % (divided by the number of statements that are looked at, since
  the test is repeated with every poll), and its estimate is more than 10 %;
- same: the effect is within 10 % by two one-sided tests at 5 % each (Schuirmann 1987);
- else there is not enough data yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from optischema_tui.core.baseline.day_shape import DayShape, hour_of, shape_of
from optischema_tui.core.baseline.evidence import COLD, DAY, HOUR, Block, blocks_of, shape_of_blocks, usable
from optischema_tui.core.baseline.noise import PRIOR_SPREAD, Level, level_of, spread_of, windows
from optischema_tui.core.baseline.student import quantile, two_sided
from optischema_tui.core.models import Interval

CHANCE = 0.001
"""Of calling something better or worse that is not, for one statement."""
SAME_CHANCE = 0.05
"""Of calling something the same that is not, on either side."""
SAME_WITHIN = 0.10
LARGE = math.log(1.5)
"""A difference beyond this is believed although a part of the evidence speaks against it."""
MIN_CALLS = 5
"""On each side."""
LEAST_FOR_WORSE = 300.0
LEAST_FOR_SAME = 1800.0
"""Seconds after a change before which nothing is called so: caches are cold, and a quiet minute proves little."""
LEAST_BLOCKS_FOR_SAME = 6
PAIRED = 12 * HOUR
"""Of time after a change that is compared hour by hour with the only day before it."""
BURST = math.log(2.0)
BURST_CHANCE = 0.001
SEEN_SHARE = 0.01
"""Of the stretches before a change that may have been as far off as the time after it."""
LEVEL_DAYS = 3
"""Days whose level is the level before the change, where history has them; earlier ones show the shape of a day."""
LONGEST_BEFORE = 24 * HOUR
RULE = (
    f"better or worse: the mean time per call, block by block of time, moved by more than {SAME_WITHIN:.0%} and by"
    f" more than chance and the drift seen before at {1 - CHANCE:.1%}; same: shown to be within {SAME_WITHIN:.0%}"
    f" at {1 - SAME_CHANCE:.0%}; else there is not enough data yet"
)


class Finding(StrEnum):
    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNKNOWN = "not enough data yet"


@dataclass(frozen=True, slots=True)
class StatementVerdict:
    """The test of one statement. Ratios are time after / time before: 0.5 is twice as fast."""

    finding: Finding
    why: str
    """A clause: what it rests on, or what is missing."""
    ratio: float | None = None
    low: float = 0.0
    high: float = math.inf
    """The 95 % interval of `ratio`."""
    confidence: float = 0.0
    """0-1: of the finding; of there being any difference where nothing was found."""
    noise: float = 0.0
    """How far (0.1 = 10 %) blocks of time differed before the change, one standard deviation."""
    calls_before: int = 0
    calls_after: int = 0
    mean_before: float = 0.0
    """ms, all usable calls"""
    mean_after: float = 0.0
    time_before: float = 0.0
    """ms, all usable calls"""
    time_after: float = 0.0

    @property
    def decided(self) -> bool:
        return self.finding is not Finding.UNKNOWN


def judge_statement(
    before: Sequence[Interval],
    after: Sequence[Interval],
    begun: float,
    applied: float,
    *,
    breaks: Iterable[float] = (),
    statements: int = 1,
    shape: DayShape | None = None,
) -> StatementVerdict:
    """The verdict on one statement.

    `before`: intervals that ended by `begun` (seconds since 1970), of the last 24 hours for the level, of earlier days
    for the shape of a day; `after`: intervals that began at or after `applied`; `breaks`: ends of epochs;
    `statements`: how many are tested beside this one, which makes chance as much more likely; `shape`: of `before`,
    where the caller has it already (`shape_before`).
    """
    some, breaks = (bool(before), bool(after)), tuple(breaks)
    before, after = usable(before, after, breaks, applied)
    today = [each for each in before if each.begin >= begun - LONGEST_BEFORE - 1.0]
    calls = [sum(each.calls for each in side) for side in (today, after)]
    times = [sum(each.exec_time for each in side) for side in (today, after)]
    means = [time / count if count else 0.0 for time, count in zip(times, calls, strict=True)]
    known = StatementVerdict(
        Finding.UNKNOWN,
        _missing(calls, some),
        None,
        0.0,
        math.inf,
        0.0,
        0.0,
        *calls,
        *means,
        *times,
    )
    if min(calls) < MIN_CALLS or not times[0]:
        return known
    restarted = any(moment > after[-1].at - COLD for moment in breaks)
    test = _Test(shape or shape_of(before, begun), today, after)
    return _told(known, test, CHANCE / max(1, statements), restarted)


def shape_before(before: Sequence[Interval], begun: float, breaks: Iterable[float] = ()) -> DayShape:
    """The shape of a day in the usable intervals of `before`: it stays the same while the time after goes on."""
    return shape_of(usable(before, (), breaks, begun)[0], begun)


def _missing(calls: Sequence[int], some: Sequence[bool]) -> str:
    """What is missing, by the usable calls of each side and whether it had any others."""
    for count, others, side in zip(calls, some, ("before", "after"), strict=True):
        if not count and others:
            return f"no usable call {side} the change: only intervals with evictions, or just after a restart or reset"
        if count < MIN_CALLS:
            return f"{count} calls {side} the change"
    return "no time before the change"


class _Test:
    """Effect (logarithm of the ratio), its standard error and degrees of freedom, and what may speak against it."""

    def __init__(self, shape: DayShape, today: Sequence[Interval], after: Sequence[Interval]) -> None:
        width, least = shape_of_blocks(after)
        self.length = after[-1].at - min(each.begin for each in after)
        # The shape of day 0 is taken from the other days; from itself where there is none and hours to compare.
        alone = self.length >= PAIRED and shape.days == 1
        self.old = _flattened(blocks_of(today, width, least), shape if alone else shape.without(0))
        self.new = _flattened(blocks_of(after, width, least), shape if alone or shape.days > 1 else DayShape())
        self.past = _with_days_before(level_of(self.old), shape)
        seen = max(0.02, self.past.spread) if len(self.old) > 8 else PRIOR_SPREAD
        self.now = level_of(self.new, seen)
        self.effect = self.now.mean - self.past.mean
        self.error, self.freedom = self._error(shape, alone)
        self.bursts = _bursts(self.old, self.past, self.new, self.now)
        self.against = self._against(shape)
        self.seen_before = self._seen_before()

    def _error(self, shape: DayShape, alone: bool) -> tuple[float, float]:
        now, past = self.now, self.past
        parts = [(past.variance, past.freedom), (now.variance, now.freedom)]
        if alone:
            # A shape that was taken from the only day there was fits it too well.
            parts[0] = max(parts)
        elif drift := self._drift(shape):
            parts.append(drift)
        days, steps = shape.day_noise()
        if steps >= 2:
            parts.append((days * min(1.0, self.length / DAY), steps))
        total = sum(part for part, _ in parts)
        freedom = total**2 / sum(part**2 / free for part, free in parts if part)
        return math.sqrt(total), max(2.0, freedom)

    def _drift(self, shape: DayShape) -> tuple[float, float] | None:
        """(variance, degrees of freedom) of what moves stretches as long as the time after the change beyond the noise
        of their blocks, as seen before it. A stretch is a sixth of that time at most; longer ones average it out."""
        span = self.old[-1].end - self.old[0].begin
        stretch = max(min(self.length, span / 6), 1e-3)
        found = windows([self.past.pull(block) for block in self.old], stretch)
        if len(found) < 4:
            return None
        inside = self.past.spread**2 * len(found) / len(self.old)
        averaged = min(1.0, stretch / self.length) if shape.days > 1 else 1.0
        return max(0.0, spread_of(found) - inside) * averaged, len(found) - 1

    def _seen_before(self) -> bool:
        """Whether stretches as long as the time after the change were as far off before it, without a change."""
        found = windows(self.old, max(self.length, 1e-3))
        if len(found) < 6:
            return False
        off = [(level - self.past.mean) / self.effect for level in found] if self.effect else []
        return sum(each >= 0.8 for each in off) > SEEN_SHARE * len(found)

    def _against(self, shape: DayShape) -> str:
        """What contradicts the effect: it was not there at first, or not against the same weekday."""
        near = min(self.length, 3 * HOUR)
        last = [block.level for block in self.old if block.end > self.old[-1].end - near]
        first = [block.level for block in self.new if block.begin < self.new[0].begin + near]
        step = math.copysign(1.0, self.effect) * (_median(first) - _median(last))
        error = self.past.spread * math.sqrt(math.pi / 2 * (1 / len(first) + 1 / len(last)))
        if step + error < abs(self.effect) / 2:
            return "it came by and by, as drift does, and not with the change"
        if 6 in shape.levels and 0 in shape.levels:
            same_day = self.effect - (shape.levels[6].mean - shape.levels[0].mean)
            if abs(same_day) < abs(self.effect) / 2 or same_day * self.effect < 0:
                return "the same weekday of the week before was like this too"
        days = (self.length + DAY) / (2 * DAY)
        if abs(self.effect - shape.trend() * days) < math.log(1 + SAME_WITHIN):
            return "the days before the change had the same trend"
        return ""


def _told(known: StatementVerdict, test: _Test, chance: float, restarted: bool) -> StatementVerdict:
    effect, error, freedom = test.effect, test.error, test.freedom
    reach, less = error * quantile(0.05, freedom), error * quantile(2 * SAME_CHANCE, freedom)
    low, high = math.exp(effect - reach), math.exp(effect + reach)
    p = two_sided(effect / error, freedom)
    told = replace(
        known, ratio=math.exp(effect), low=low, high=high, noise=math.expm1(test.past.spread), confidence=1 - p,
        why=f"the effect lies between {low - 1:+.0%} and {high - 1:+.0%}: more calls are needed",
    )  # fmt: skip
    beyond = effect < math.log(1 - SAME_WITHIN) or effect > math.log(1 + SAME_WITHIN)
    plain = known.mean_after / known.mean_before
    if beyond and p < chance:
        if test.seen_before:
            return replace(told, why="the time before the change had stretches like this too")
        if test.against and abs(effect) < LARGE:
            return replace(told, why=test.against)
        if restarted and 0 < effect < LARGE:
            return replace(told, why="slower so far; the server began anew within the last hours")
        if effect > 0 and test.length < LEAST_FOR_WORSE:
            return replace(told, why="slower so far; the first minutes after a change are not judged")
        if effect < 0 and test.bursts and plain > 1 + SAME_WITHIN:
            return _worse_in_bursts(told, plain)
        return replace(told, finding=Finding.WORSE if effect > 0 else Finding.BETTER, why=_in_words(told))
    if test.bursts and plain > 1 + SAME_WITHIN and test.length >= LEAST_FOR_WORSE:
        return _worse_in_bursts(told, plain)
    if effect - less >= math.log(1 - SAME_WITHIN) and effect + less <= math.log(1 + SAME_WITHIN):
        if test.length < LEAST_FOR_SAME or len(test.new) < LEAST_BLOCKS_FOR_SAME:
            return replace(told, why="as before so far")
        edge = min(effect - math.log(1 - SAME_WITHIN), math.log(1 + SAME_WITHIN) - effect)
        return replace(
            told, finding=Finding.SAME, confidence=1 - two_sided(edge / error, freedom) / 2,
            why=f"within {max(-math.expm1(effect - less), math.expm1(effect + less)):.0%} of before",
        )  # fmt: skip
    return told


def _worse_in_bursts(told: StatementVerdict, plain: float) -> StatementVerdict:
    if plain < math.exp(LARGE):
        return replace(told, why="usually as before, with more bursts than before")
    return replace(
        told, finding=Finding.WORSE, ratio=plain, confidence=1 - BURST_CHANCE,
        why="usually as before, but with bursts that were not there before",
    )  # fmt: skip


def _in_words(told: StatementVerdict) -> str:
    return f"the effect lies between {told.low - 1:+.0%} and {told.high - 1:+.0%} (95 %)"


def _flattened(blocks: Sequence[Block], shape: DayShape) -> list[Block]:
    """The blocks without the shape of a day."""
    curve = shape.curve()
    return [
        Block(block.begin, block.end, block.calls, block.level - curve[hour_of(block.middle)], block.error)
        for block in blocks
    ]


def _bursts(old: Sequence[Block], past: Level, new: Sequence[Block], now: Level) -> bool:
    """Whether bursts (neighbouring blocks at twice their side's level are one) come more often than before: the
    conditional binomial test of two Poisson rates (Przyborowski & Wilenski 1940), one-sided."""
    before, after = _runs(old, past), _runs(new, now)
    share, events = len(new) / (len(old) + len(new)), before + after
    tail = sum(math.comb(events, k) * share**k * (1 - share) ** (events - k) for k in range(after, events + 1))
    return after >= 2 and tail < BURST_CHANCE


def _with_days_before(today: Level, shape: DayShape) -> Level:
    """The level of the last days together: each later day is closer to the change by what days differ."""
    if any(day not in shape.levels for day in range(LEVEL_DAYS)):
        return today
    noise, _ = shape.day_noise()
    first = shape.levels[0]
    weights = [1 / today.variance] + [1 / (shape.levels[day].variance + day * noise) for day in range(1, LEVEL_DAYS)]
    moved = sum(weight * (shape.levels[day].mean - first.mean) for day, weight in enumerate(weights)) / sum(weights)
    if moved**2 > 4 * today.variance:
        return today
    return replace(today, mean=today.mean + moved, variance=1 / sum(weights))


def _runs(blocks: Sequence[Block], level: Level) -> int:
    high = [block.level > level.mean + BURST for block in blocks]
    return sum(each and not before for before, each in zip([False, *high], high, strict=False))


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
