from __future__ import annotations

from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.collect.events import Connected, Observed, Sampled
from optischema_tui.core.config import Config
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.recorder import PICTURE_SECONDS, Recorder
from optischema_tui.core.models import (
    Activity,
    ActivitySample,
    DatabaseCounters,
    Epoch,
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
)
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.resolver import resolve

TARGET = TargetIdentity("sys", 5, "shop", 180000)
KEY = StatementKey(10, 5, 1)
CAPABILITIES = Capabilities(180000, "18.0", "app", False, False, False, "public", "1.12", frozenset(), False, ())


class Run:
    """One run of the program against a pretended server."""

    def __init__(self, path: Path, clock: FixedClock) -> None:
        self.clock = clock
        self.history = History.open(path, clock)
        self.sample = StatementSample(KEY)
        self.recorder = Recorder(resolve("host=/nowhere dbname=shop", Config()), self.history, clock)
        self.recorder.connected(Connected(TARGET, CAPABILITIES))

    def tick(self, calls: int, seconds: float, texts: tuple[StatementText, ...] = ()):
        self.clock.advance(seconds)
        at = self.clock.at
        if self.sample.calls != calls:
            self.sample = StatementSample(KEY, calls=calls, total_exec_time=2.0 * calls)
        epoch = Epoch("sys", 100.0, 200.0, 180000, "1.12")
        snapshot = Snapshot(TARGET, epoch, at, self.clock.ticks, at, (self.sample,), DatabaseCounters(), Activity())
        return self.recorder.observed(Observed(snapshot, texts))

    @property
    def stored(self) -> float:
        picture = self.history.last_picture(self.recorder.spec.key)
        assert picture is not None
        return picture.taken_at


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


def test_a_picture_is_stored_now_and_then_and_at_the_end(tmp_path: Path, clock: FixedClock) -> None:
    run = Run(tmp_path / "h.db", clock)
    first = run.tick(1, 1)
    assert run.stored == first.taken_at
    for calls in range(2, 2 + int(PICTURE_SECONDS) - 1):
        run.tick(calls, 1)
    assert run.stored == first.taken_at
    due = run.tick(50, 1)
    assert run.stored == due.taken_at
    last = run.tick(51, 1)
    assert run.stored == due.taken_at
    run.recorder.finish()
    assert run.stored == last.taken_at
    run.history.close()


def test_a_killed_program_goes_on_without_counting_twice(tmp_path: Path, clock: FixedClock) -> None:
    begin = clock.at
    killed = Run(tmp_path / "h.db", clock)
    for calls in (5, 6, 8):
        killed.tick(calls, 1)
    after = Run(tmp_path / "h.db", clock)
    picture = after.tick(12, 20)
    assert picture.rows[0].interval_calls == 4
    (stats,) = after.history.window(TARGET.fingerprint, begin, clock.at)
    assert stats.calls == 7
    killed.history.close()
    after.history.close()


def test_a_text_that_comes_late_is_drawn_in_the_row_of_a_resting_statement(tmp_path: Path, clock: FixedClock) -> None:
    run = Run(tmp_path / "h.db", clock)
    rows = [run.tick(5, 1).rows[0] for _ in range(3)]
    assert rows[2] is rows[1]
    assert rows[2].text == ""
    assert run.tick(5, 1, (StatementText(KEY, "SELECT 1"),)).rows[0].text == "SELECT 1"
    run.history.close()


def test_another_server_takes_nothing_over_from_the_last_one(tmp_path: Path, clock: FixedClock) -> None:
    run = Run(tmp_path / "h.db", clock)
    run.tick(5, 1, (StatementText(KEY, "SELECT 1"),))
    run.recorder.sampled(_sample(clock))
    elsewhere = TargetIdentity("other", 5, "shop", 180000)
    run.recorder.connected(Connected(elsewhere, CAPABILITIES))
    begin, end = clock.at - 1, clock.at
    assert len(run.history.activity_between(TARGET.fingerprint, begin, end)) == 1
    assert not run.history.activity_between(elsewhere.fingerprint, begin, end)
    assert run.recorder.redrawn(frozenset()) is None
    picture = run.tick(5, 1)
    assert picture.rows[0].text == "", "the same key is another statement there"
    run.history.close()


def test_what_is_followed_is_not_stored_again(tmp_path: Path, clock: FixedClock) -> None:
    """And going on begins where the other one ended, not where it was seen last."""
    theirs, ours = Run(tmp_path / "h.db", clock), Run(tmp_path / "h.db", clock)
    begin = clock.at
    ours.recorder.store(False)
    theirs.tick(5, 1)
    theirs.tick(8, 1)
    ours.recorder.observed(Observed(theirs.recorder.previous, ()))
    ours.recorder.sampled(_sample(clock))
    theirs.tick(12, 1)
    ours.recorder.store(True)
    ours.recorder.connected(Connected(TARGET, CAPABILITIES))
    picture = ours.tick(20, 1)
    assert picture.rows[0].interval_calls == 8
    ours.recorder.finish()
    (stats,) = ours.history.window(TARGET.fingerprint, begin, clock.at)
    assert stats.calls == 15
    assert not ours.history.activity_between(TARGET.fingerprint, begin, clock.at)
    theirs.history.close()
    ours.history.close()


def test_what_history_ends_with_breaks_no_chart_when_it_is_told_again(tmp_path: Path, clock: FixedClock) -> None:
    """Who begins to follow gets as a first tick the one that it took up from history."""
    theirs = Run(tmp_path / "h.db", clock)
    for calls in (5, 6, 8):
        theirs.tick(calls, 1)
    ours = Run(tmp_path / "h.db", clock)
    ours.recorder.store(False)
    assert theirs.recorder.previous is not None
    ours.recorder.attached(TARGET)
    before = len(ours.recorder.series)
    assert ours.recorder.observed(Observed(theirs.recorder.previous, ())).seconds is None
    theirs.tick(12, 1)
    picture = ours.recorder.observed(Observed(theirs.recorder.previous, ()))
    assert picture.rows[0].interval_calls == 4
    assert len(ours.recorder.series) == before + 1
    assert not ours.recorder.series[-1].breaks
    theirs.history.close()
    ours.history.close()


def _sample(clock: FixedClock) -> Sampled:
    return Sampled(ActivitySample(clock.at, clock.ticks, clock.at, (), 1, 0, 2))
