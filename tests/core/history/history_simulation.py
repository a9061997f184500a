"""A made-up server that runs for days in a moment, and the truth about what it did."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.store import History
from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    LoadPoint,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
)

IDENTITY = TargetIdentity("7301", 5, "shop", 180000, "demo")
TARGET = IDENTITY.fingerprint
EPOCH = Epoch("7301", 1000.0, 2000.0, 180000, "1.12")
BEGIN = 1_700_006_400.0
"""A whole hour."""
SHORT = Limits(ticks=(900.0, 3600.0, 3 * 3600.0, 86400.0))
FOREVER = Limits(ticks=(900.0, 3600.0, 3 * 3600.0, math.inf))


@dataclass(frozen=True, slots=True)
class Ran:
    """The calls of one statement in one interval, ms each."""

    begin: float
    end: float
    key: StatementKey
    times: tuple[float, ...]


class Moving:
    """Count, sum and standard deviation of numbers that come one by one (Welford)."""

    def __init__(self) -> None:
        self.count, self.sum, self.mean, self.squares = 0, 0.0, 0.0, 0.0

    def add(self, number: float) -> None:
        self.count += 1
        self.sum += number
        step = number - self.mean
        self.mean += step / self.count
        self.squares += step * (number - self.mean)

    @property
    def deviation(self) -> float:
        return math.sqrt(self.squares / self.count) if self.count else 0.0


class Simulation:
    """Ticks of one target with the truth of each interval beside them. The first tick begins the counters."""

    def __init__(self, history: History, clock: FixedClock, statements: int = 4, seed: int = 1) -> None:
        self.history = history
        self.clock = clock
        self.chance = random.Random(seed)
        self.keys = [StatementKey(10, 5, number) for number in range(1, statements + 1)]
        self.counters = {key: Moving() for key in self.keys}
        self.samples: dict[StatementKey, StatementSample] = {}
        self.ran: list[Ran] = []
        self.points: list[LoadPoint] = []
        self.history.save_tick(self.snapshot(), self.texts(self.keys), None, None)

    def texts(self, keys: Iterable[StatementKey]) -> list[StatementText]:
        return [StatementText(key, f"SELECT a{key.queryid} FROM t", False, "app", "shop") for key in keys]

    def snapshot(self) -> Snapshot:
        at = self.clock.at
        samples = tuple(self.samples.values())
        return Snapshot(IDENTITY, EPOCH, at, self.clock.ticks, at, samples, DatabaseCounters(), Activity())

    def tick(self, seconds: float = 30.0, share: float = 0.7, breaks: bool = False) -> None:
        """Each statement is called a few times with probability `share`."""
        self.clock.advance(seconds)
        deltas = []
        for key in self.keys:
            if self.chance.random() > share:
                continue
            times = tuple(self.chance.uniform(1, 5) * key.queryid for _ in range(self.chance.randint(1, 6)))
            self.ran.append(Ran(self.clock.at - seconds, self.clock.at, key, times))
            counter = self.counters[key]
            for time in times:
                counter.add(time)
            self.samples[key] = StatementSample(
                key, counter.count, 0, counter.sum, counter.mean, stddev_exec_time=counter.deviation
            )
            deltas.append(StatementDelta(key, seconds, len(times), 2, sum(times), 0.5, 90, 10, 3, 0.25, 500))
        time, calls = sum(delta.exec_time for delta in deltas), sum(delta.calls for delta in deltas)
        point = LoadPoint(self.clock.at, time / 1000 / seconds, time / calls if calls else 0.0, 2.0, calls, breaks)
        self.points.append(point)
        assert self.history.save_tick(self.snapshot(), (), deltas, point)

    def run(self, seconds: float, interval: float = 30.0) -> None:
        end = self.clock.at + seconds
        while self.clock.at < end:
            self.tick(interval)

    def truth(self, since: float, until: float) -> dict[StatementKey, list[float]]:
        """ms of each call in the intervals wholly inside."""
        found: dict[StatementKey, list[float]] = {}
        for ran in self.ran:
            if ran.begin >= since - 0.01 and ran.end <= until + 0.01:
                found.setdefault(ran.key, []).extend(ran.times)
        return found
