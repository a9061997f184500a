"""The usual shape of a day: how a statement's time differs from the day's level in each hour. No I/O.

Days are counted back from the moment of the change: day 0 is the 24 hours before it. The same weekday counts three
times. Hours are those of UTC, so a change of the clocks shifts them for a day.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from optischema_tui.core.baseline.evidence import CALLS_A_BLOCK, DAY, HOUR, Block, blocks_of
from optischema_tui.core.baseline.noise import Level, level_of, spread_of
from optischema_tui.core.models import Interval

LEAST_HOURS = 18
"""Of a day that says something about its shape."""
SAME_WEEKDAY = 3.0


@dataclass(frozen=True, slots=True)
class DayShape:
    hours: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    """day -> hour of the day -> logarithm of the hour's level over the day's."""
    errors: Mapping[int, float] = field(default_factory=dict)
    """day -> variance of such a figure that comes from noise inside the hour."""
    levels: Mapping[int, Level] = field(default_factory=dict)

    @property
    def days(self) -> int:
        return len(self.hours)

    def without(self, day: int) -> DayShape:
        """The shape that the other days show."""
        hours = {each: one for each, one in self.hours.items() if each != day}
        return DayShape(hours, {each: one for each, one in self.errors.items() if each != day}, self.levels)

    def curve(self) -> tuple[float, ...]:
        """What each hour of the day usually adds to the day's level (logarithm), as far as it is more than noise."""
        if not self.hours:
            return (0.0,) * 24
        weights = {day: SAME_WEEKDAY if day % 7 == 6 else 1.0 for day in self.hours}
        means = [self._usual(hour, weights) for hour in range(24)]
        smooth = [means[hour - 1] / 4 + means[hour] / 2 + means[(hour + 1) % 24] / 4 for hour in range(24)]
        total = sum(weights.values())
        noise = math.pi / 2 * 0.375 * sum((weights[day] / total) ** 2 * self.errors[day] for day in weights)
        seen = sum(value**2 for value in smooth) / 24
        share = max(0.0, 1 - noise / seen) if seen else 0.0
        return tuple(share * value for value in smooth)

    def _usual(self, hour: int, weights: Mapping[int, float]) -> float:
        """The weighted median of the days: one day's burst in that hour is not its shape."""
        known = sorted((hours[hour], weights[day]) for day, hours in self.hours.items() if hour in hours)
        half = sum(weight for _, weight in known) / 2
        for (value, weight), (following, _) in zip(known, [*known[1:], *known[-1:]], strict=True):
            half -= weight
            if half <= 0:
                return value if half < 0 else (value + following) / 2
        return 0.0

    def trend(self) -> float:
        """What the level gains a day (logarithm), by the median of all slopes (Theil 1950, Sen 1968); 0 of fewer than
        four days."""
        days = sorted(self.levels)
        if len(days) < 4:
            return 0.0
        slopes = [(self.levels[a].mean - self.levels[b].mean) / (b - a) for a in days for b in days if a < b]
        return median(slopes)

    def day_noise(self) -> tuple[float, int]:
        """(variance from one day's level to the next beyond what the noise inside a day explains, number of steps).

        That noise is taken with its own error, so that days which differ by chance do not count as different."""
        steps = [
            ((now.mean - before.mean) ** 2, now.variance + before.variance)
            for day, now in sorted(self.levels.items())
            if (before := self.levels.get(day + 1)) is not None
        ]
        if not steps:
            return 0.0, 0
        seen, noise = (sum(column) / len(steps) for column in zip(*steps, strict=True))
        return max(0.0, seen - noise * (1 + math.sqrt(2 / len(steps)))), len(steps)


def hour_of(at: float) -> int:
    return int(at % DAY // HOUR)


def shape_of(intervals: Iterable[Interval], begun: float) -> DayShape:
    """`intervals`: of the time before `begun` (seconds since 1970)."""
    days: dict[int, list[Interval]] = {}
    for each in intervals:
        days.setdefault(int((begun - (each.begin + each.at) / 2) // DAY), []).append(each)
    hours: dict[int, dict[int, float]] = {}
    errors: dict[int, float] = {}
    levels: dict[int, Level] = {}
    for day, parts in sorted(days.items()):
        cells: dict[int, list[Block]] = {}
        for block in blocks_of(parts, HOUR / 6, CALLS_A_BLOCK / 2):
            cells.setdefault(hour_of(block.middle), []).append(block)
        if len(cells) < LEAST_HOURS:
            continue
        levels[day] = level_of([block for _, blocks in sorted(cells.items()) for block in blocks])
        found = {hour: median([block.level for block in blocks]) for hour, blocks in sorted(cells.items())}
        hours[day] = {hour: value - levels[day].mean for hour, value in found.items()}
        errors[day] = sum(_error(blocks, levels[day]) for blocks in cells.values()) / len(cells)
    return DayShape(hours, errors, levels)


def _error(blocks: Sequence[Block], level: Level) -> float:
    """Variance of the median of an hour's blocks: pi / 2 of the mean's; the day's own where the hour has one block."""
    inside = spread_of([level.pull(block).level for block in blocks]) if len(blocks) > 2 else level.spread**2
    return math.pi / 2 * inside / len(blocks)
