"""Moments of history that lie in a gap, and its two ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.past import look_back, step
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

TARGET = TargetIdentity("sys", 5, "shop", 180000)
BEGIN = 1_700_000_000.0
GAP = 3600.0


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """Ten ticks of 30 s, nothing for an hour, a tick over that hour, and nine of 30 s."""
    clock = FixedClock(BEGIN)
    with closing(History.open(tmp_path / "history.db", clock)) as made:
        for place in range(20):
            seconds = GAP if place == 10 else 30.0
            clock.advance(seconds)
            epoch = Epoch("sys", 1.0, 2.0, 180000, "1.12")
            snapshot = Snapshot(TARGET, epoch, clock.at, clock.ticks, clock.at, (), DatabaseCounters(), Activity())
            delta = StatementDelta(StatementKey(1, 5, 5), seconds, 1, 1, 600.0, 0.0, 0, 0, 0, 0.0, 0)
            made.save_tick(snapshot, (), (delta,), LoadPoint(clock.at, 1.0, 1.0, 1.0, 1))
        yield made


def test_a_moment_in_a_gap_is_told_from_the_one_that_is_shown(history: History) -> None:
    last = BEGIN + 300
    far = look_back(history, TARGET, last + 1800)
    assert far.at == last
    assert "no interval ended in the 30 minutes before the moment asked for" in far.note
    for near in (last, last + 29, last + 59):
        assert "no interval ended" not in look_back(history, TARGET, near).note
    after = look_back(history, TARGET, last + GAP + 30)
    assert after.at == last + GAP + 30
    assert "no interval ended" not in after.note


def test_both_ends_say_the_way_back(history: History) -> None:
    assert step(history, TARGET, BEGIN + 300, 1) == BEGIN + 300 + GAP
    assert step(history, TARGET, BEGIN + 300 + GAP, -1) == BEGIN + 300
    for at, steps, word in ((BEGIN + 30, -1, "begins"), (BEGIN + 570 + GAP, 1, "ends")):
        with pytest.raises(UsageError, match=word) as told:
            step(history, TARGET, at, steps)
        assert "End leads back to the present" in told.value.todo
