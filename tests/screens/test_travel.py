"""Keys pressed faster than history is read: steps add up, and End is the last word."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui import messages as m
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
    TargetIdentity,
)
from optischema_tui.travel import Travel

TARGET = TargetIdentity("sys", 5, "shop", 180000)


class Journey:
    """A traveller through six stored intervals of 30 s; history answers once `gate` is open."""

    def __init__(self, history: History, clock: FixedClock) -> None:
        self.ends = [self._tick(history, clock) for _ in range(6)]
        self.told: list[m.Fact] = []
        self.gate = threading.Event()
        self.asked = threading.Event()
        self.history = history
        self.travel = Travel(self.told.append, self._known, frozenset)

    @staticmethod
    def _tick(history: History, clock: FixedClock) -> float:
        clock.advance(30)
        epoch = Epoch("sys", 1.0, 2.0, 180000, "1.12")
        snapshot = Snapshot(TARGET, epoch, clock.at, clock.ticks, clock.at, (), DatabaseCounters(), Activity())
        delta = StatementDelta(StatementKey(1, 5, 1), 30.0, 3, 3, 6.0, 0.0, 0, 0, 0, 0.0, 0)
        history.save_tick(snapshot, (), (delta,), LoadPoint(clock.at, 1.0, 2.0, 1.0, 3))
        return clock.at

    def _known(self) -> tuple[History, TargetIdentity]:
        self.asked.set()
        assert self.gate.wait(20)
        return self.history, TARGET

    @property
    def seen(self) -> list[float]:
        return [fact.past.at for fact in self.told if isinstance(fact, m.PastReady)]


@pytest.fixture
def journey(tmp_path: Path) -> Iterator[Journey]:
    clock = FixedClock()
    with closing(History.open(tmp_path / "history.db", clock)) as history:
        yield Journey(history, clock)


async def test_steps_that_are_asked_for_at_once_add_up(journey: Journey) -> None:
    looks = [journey.travel.by(-1) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(look) for look in looks]
        assert journey.asked.wait(20)
        journey.gate.set()
        for each in running:
            each.result(20)
    assert journey.seen == journey.ends[:1:-1]


async def test_end_is_the_last_word(journey: Journey) -> None:
    loop = asyncio.get_running_loop()
    slow, queued = journey.travel.to(journey.ends[2]), journey.travel.by(-1)
    first = loop.run_in_executor(None, slow)
    await loop.run_in_executor(None, journey.asked.wait, 20)
    second = loop.run_in_executor(None, queued)
    journey.travel.live()
    journey.gate.set()
    await asyncio.gather(first, second)
    assert [type(fact) for fact in journey.told] == [m.WentLive]
    assert not journey.travel.away
    journey.travel.by(-1)()
    assert journey.seen == [journey.ends[-1]], "the next step goes back from the present"


async def test_there_is_nothing_after_the_present(journey: Journey) -> None:
    journey.gate.set()
    journey.travel.by(1)()
    assert [type(fact) for fact in journey.told] == [m.Told]
    journey.travel.again()()
    assert journey.seen == []
    journey.travel.to(journey.ends[1] + 10)()
    journey.travel.again()()
    assert journey.seen == [journey.ends[1]] * 2
