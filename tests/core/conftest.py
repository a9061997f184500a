"""Made-up ticks of one target, for history and what is computed from it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
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
EPOCH = Epoch("7301", 1000.0, 2000.0, 180000, "1.12")
Calls = Mapping[int, Sequence[float]]


def key(queryid: int) -> StatementKey:
    return StatementKey(10, 5, queryid)


class Feed:
    """A pretended server: `tick({queryid: [ms of each call]})` stores what a collector would have seen."""

    def __init__(self, history: History, clock: FixedClock) -> None:
        self.history = history
        self.clock = clock
        self.calls: dict[int, list[float]] = {}

    def snapshot(self) -> Snapshot:
        samples = tuple(
            StatementSample(
                key(queryid),
                calls=len(times),
                total_exec_time=sum(times),
                mean_exec_time=statistics.fmean(times),
                stddev_exec_time=statistics.pstdev(times),
            )
            for queryid, times in self.calls.items()
        )
        at = self.clock.at
        return Snapshot(IDENTITY, EPOCH, at, self.clock.ticks, at, samples, DatabaseCounters(), Activity())

    def tick(self, calls: Calls, seconds: float = 30.0, first: bool = False) -> bool:
        self.clock.advance(seconds)
        for queryid, times in calls.items():
            self.calls.setdefault(queryid, []).extend(times)
        deltas = [
            StatementDelta(key(queryid), seconds, len(times), 2, sum(times), 0.0, 90, 10, 3, 0.0, 500)
            for queryid, times in calls.items()
        ]
        everything = sum(sum(times) for times in calls.values())
        count = sum(len(times) for times in calls.values())
        point = LoadPoint(self.clock.at, everything / 1000 / seconds, everything / max(count, 1), 1.0, count)
        texts = [StatementText(key(queryid), f"SELECT {queryid}", role="app", database="shop") for queryid in calls]
        return self.history.save_tick(self.snapshot(), texts, None if first else deltas, None if first else point)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def history(tmp_path: Path, clock: FixedClock):
    opened = History.open(tmp_path / "state" / "history.db", clock)
    yield opened
    opened.close()


@pytest.fixture
def feed(history: History, clock: FixedClock) -> Feed:
    return Feed(history, clock)
