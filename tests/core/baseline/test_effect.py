"""The effect of a change out of a real history file: which intervals are read, and what comes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optischema_tui.core.baseline.effect import effect, figures, past_of
from optischema_tui.core.baseline.scope import Scope
from optischema_tui.core.baseline.verdict import Finding
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.models import StatementDelta, StatementKey, StatementSample
from tests.core.baseline.simulated_breaks import IDENTITY, BreakingServer

ONE = Scope((1,))


def feed_rounds(feed: Any, count: int, calls: dict[int, list[float]], seconds: float = 30.0) -> None:
    for _ in range(count):
        feed.tick(calls, seconds)


def test_intervals_in_which_a_change_was_made_count_on_no_side(history: History, feed, clock: FixedClock) -> None:
    target = feed.snapshot().target.fingerprint
    feed.tick({1: [1.0], 2: [1.0]}, first=True)
    feed_rounds(feed, 40, {1: [100.0, 110.0, 90.0], 2: [7.0] * 5})
    began = clock.at + 10
    feed.tick({1: [500.0] * 4, 2: [7.0] * 5})
    in_place = clock.at + 15
    feed.tick({1: [50.0] * 4, 2: [7.0] * 5})
    waiting = effect(history, target, Scope((1, 2)), began, in_place)
    assert [row.test.finding for row in waiting.rows] == [Finding.UNKNOWN] * 2
    assert "after: no call measured yet" in waiting.sentences[0]
    feed_rounds(feed, 80, {1: [2.0, 2.2, 1.8], 2: [7.0] * 5})
    told = effect(history, target, Scope((1, 2, 99)), began, in_place)
    one, two = told.rows
    assert (one.test.calls_before, one.test.calls_after) == (120, 240)
    assert (one.test.finding, two.test.finding) == (Finding.BETTER, Finding.SAME)
    assert one.ratio == pytest.approx(50.0, rel=0.02)
    assert figures(one)["mean_ms_before"] == pytest.approx(100.0)
    assert figures(one)["verdict"] == "better"
    assert told.total is not None
    assert told.total.finding is Finding.BETTER
    cut = effect(history, target, ONE, began, in_place, in_place + 120.0)
    assert cut.rows[0].test.calls_after <= 12, "an undo ends the time after the change"
    past = past_of(history, target, ONE, began)
    again = effect(history, target, ONE, began, in_place, past=past)
    assert again.rows == effect(history, target, ONE, began, in_place).rows
    assert effect(history, target, Scope(), began, in_place).rows == ()


def test_rolled_up_and_raw_intervals_are_the_same_calls(history: History, feed, clock: FixedClock) -> None:
    target = feed.snapshot().target.fingerprint
    feed.tick({1: [1.0]}, first=True)
    since = clock.at
    feed_rounds(feed, 50, {1: [10.0, 20.0]}, 30.0)
    for tier in (0, 60, 600):
        found = history.intervals(target, [1, 99], since, clock.at, tier)
        assert set(found) == {1}
        assert sum(each.calls for each in found[1]) == 100
        assert sum(each.exec_time for each in found[1]) == pytest.approx(1500.0)
        assert all(a.at <= b.begin + 0.1 for a, b in zip(found[1], found[1][1:], strict=False))
    squares = [sum(each.squares or 0.0 for each in history.intervals(target, [1], since, clock.at, tier)[1])
               for tier in (0, 60)]  # fmt: skip
    assert squares == pytest.approx([2500.0, 2500.0], rel=0.01)
    assert len(history.intervals(target, [1], since, clock.at, 0)[1]) > len(
        history.intervals(target, [1], since, clock.at, 600)[1]
    )
    assert history.texts_of(target, [1, 99]) == {1: "SELECT 1"}
    assert history.breaks(target, since, clock.at) == ()


def test_the_first_interval_of_all_is_no_break_and_a_crash_is_one(history: History, clock: FixedClock) -> None:
    server = BreakingServer(history, clock, "breaks")
    since = clock.at
    for _ in server.run(1, 0):
        pass
    target = IDENTITY.fingerprint
    assert history.breaks(target, since, clock.at) == ()
    crashed = clock.at
    server.crash()
    for _ in server.run(2, 0):
        pass
    assert history.breaks(target, since, clock.at) == (pytest.approx(crashed),)
    assert history.breaks(target, crashed - 1, clock.at) == (pytest.approx(crashed),)


def test_a_few_seconds_on_each_side_tell_a_factor_of_a_hundred(history: History, clock: FixedClock) -> None:
    """As when a target is opened, and an index built, for the first time."""
    server = BreakingServer(history, clock, "quick", 0.01)
    for _ in server.run(0.25, 0):
        pass
    begun = clock.at
    clock.advance(1)
    server.changed = True
    for _ in server.run(0.25, 0):
        pass
    (row,) = effect(history, IDENTITY.fingerprint, ONE, begun, begun + 1).rows
    assert row.test.finding is Finding.BETTER


def test_users_of_one_statement_are_one(history: History, feed, clock: FixedClock) -> None:
    feed.tick({1: [1.0]}, first=True)
    since = clock.at
    clock.advance(30.0)
    before, target = feed.snapshot(), feed.snapshot().target.fingerprint
    keys = [StatementKey(user, 5, 1) for user in (10, 11)]
    counters = {keys[0]: (11, 21.0, 10, 20.0), keys[1]: (30, 180.0, 30, 180.0)}
    samples = tuple(StatementSample(key, calls, 0, time, time / calls) for key, (calls, time, _, _) in counters.items())
    deltas = [StatementDelta(key, 30.0, calls, 1, time, 0.0, 9, 1, 0, 0.0, 0)
              for key, (_, _, calls, time) in counters.items()]  # fmt: skip
    assert history.save_tick(replace(before, statements=samples), (), deltas, None)
    (joined,) = history.intervals(target, [1], since, clock.at, 0)[1]
    assert (joined.calls, joined.exec_time, joined.hit, joined.read) == (40, 200.0, 18, 2)
    assert joined.squares is not None
    assert joined.squares > 10 * 3.0**2, "at least what lies between their means"
