"""A made-up statement whose time per call is known before and after a change, as history's intervals show it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from optischema_tui.core.baseline.verdict import Finding, StatementVerdict, judge_statement
from optischema_tui.core.models import Interval

BEGUN = 1_790_000_000.0
BUILD = 120.0
"""Seconds from the intent until the change is in place."""
TICK = 600.0
HOUR, DAY = 3600.0, 86400.0
POLLS = (0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 20, 24, 30, 36, 42, 48, 60, 72)
"""Hours after the change at which the verdict is asked for; the first one that is given counts."""


@dataclass(frozen=True, slots=True)
class Noise:
    """`call`: sigma of a call's lognormal time; `interval`: sd of an interval's own level (logarithm)."""

    name: str
    call: float
    interval: float
    calls: float = 12.0
    """A tick, on average."""
    day: float = 0.0
    """Amplitude of the day's cycle (logarithm)."""
    wander: float = 0.0
    """sd of a level that wanders with a memory of three hours (Ornstein-Uhlenbeck)."""
    trend: float = 0.0
    """Logarithm a day."""
    bursts: float = 0.0
    """Share of the ticks that lie in bursts, of 3 to 10 times the usual level."""


NOISES = (
    Noise("quiet", 0.3, 0.03),
    Noise("heavy", 1.0, 0.25, calls=60.0),
    Noise("drift", 0.4, 0.05, day=0.2, wander=0.05, trend=0.01),
    Noise("bursts", 0.4, 0.05, bursts=0.08),
    Noise("few calls", 0.6, 0.10, calls=6.0),
)
EFFECTS = {
    Finding.BETTER: (0.7, 0.5, 0.2, 0.02),
    Finding.SAME: (1.0, 0.98, 1.02, 1.0),
    Finding.WORSE: (1.35, 1.5, 2.0, 5.0),
}


@dataclass(frozen=True)
class Case:
    truth: Finding
    effect: float
    noise: Noise
    seed: str
    days: float = 1.0
    """Of history before the change."""

    @cached_property
    def intervals(self) -> tuple[list[Interval], list[Interval]]:
        """(before, after up to 72 hours)"""
        chance = random.Random(self.seed)
        phase, mean = chance.uniform(0, 2 * math.pi), math.exp(chance.uniform(-1, 4))
        sides: tuple[list[Interval], list[Interval]] = ([], [])
        wander, burst = chance.gauss(0, self.noise.wander), 0.0
        applied = BEGUN + BUILD
        for at in _ticks(BEGUN - self.days * DAY, applied, applied + 72 * HOUR):
            step = math.exp(-TICK / (3 * HOUR))
            wander = step * wander + math.sqrt(1 - step**2) * chance.gauss(0, self.noise.wander)
            level = wander + self.noise.trend * (at - BEGUN) / DAY + chance.gauss(0, self.noise.interval)
            level += self.noise.day * math.sin(2 * math.pi * at / DAY + phase)
            if burst and chance.random() < 2 / 3:
                burst = 0.0
            elif not burst and chance.random() < self.noise.bursts * 2 / 3:
                burst = math.log(chance.uniform(3, 10))
            after = at > applied
            level += burst + (math.log(self.effect) if after else 0.0)
            if calls := _poisson(chance, self.noise.calls):
                sides[after].append(self._interval(chance, at, calls, mean * math.exp(level)))
        return sides

    def _interval(self, chance: random.Random, at: float, calls: int, mean: float) -> Interval:
        times = [mean * share for share in chance.choices(_shares(self.noise.call), k=calls)]
        own = sum(times) / calls
        squares = sum((time - own) ** 2 for time in times)
        return Interval(at, TICK, calls, sum(times), squares, calls, 100 * calls, calls)

    def at(self, hours: float) -> StatementVerdict:
        before, after = self.intervals
        until = BEGUN + BUILD + hours * HOUR
        return judge_statement(before, [each for each in after if each.at <= until], BEGUN, BEGUN + BUILD)

    def first(self, polls: Sequence[float] = POLLS) -> tuple[float, StatementVerdict]:
        """(hours, verdict) of the first poll with a verdict, else of the last."""
        hours, told = 0.0, None
        for hours in polls:
            told = self.at(hours)
            if told.decided:
                break
        assert told is not None
        return hours, told


def cases(seed: int) -> Iterator[Case]:
    """60 cases: three truths, five kinds of noise, four effects each; half with a day of history, half with five."""
    for noise in NOISES:
        for truth, effects in EFFECTS.items():
            for place, effect in enumerate(effects):
                days = 1.0 if place % 2 else 5.0
                yield Case(truth, effect, noise, f"{seed} {noise.name} {truth} {place}", days)


def _ticks(since: float, applied: float, until: float) -> Iterator[float]:
    at = since + TICK
    while at <= BEGUN:
        yield at
        at += TICK
    at = applied + TICK
    while at <= until:
        yield at
        at += TICK


@cache
def _shares(sigma: float) -> tuple[float, ...]:
    """Lognormal times with the mean 1, to choose from."""
    chance = random.Random(f"{sigma}")
    drawn = [math.exp(chance.gauss(0, sigma)) for _ in range(20_000)]
    return tuple(each * len(drawn) / sum(drawn) for each in drawn)


def _poisson(chance: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
