"""What moved between two windows: exact sums, the right names for it, and no false alarms of noise."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from history_simulation import BEGIN, EPOCH, IDENTITY, TARGET

from optischema_tui.core.baseline.movers import chance_of
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    LoadPoint,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    StatementText,
)
from optischema_tui.core.models.analytics import Move, Mover, Movers

HOUR, DAY = 3600.0, 86_400.0
Load = tuple[float, float]
"""(calls a second, ms each)"""


class Traffic:
    """Statements called at given rates, with a Poisson number of calls and the noise of a real server's means."""

    def __init__(self, history: History, clock: FixedClock, seed: int = 1) -> None:
        self.history, self.clock, self.chance = history, clock, random.Random(seed)
        self.samples: dict[StatementKey, StatementSample] = {}
        self.spread = 0.0
        self.save(None, None)

    def save(self, deltas: list[StatementDelta] | None, point: LoadPoint | None) -> None:
        at = self.clock.at
        state = tuple(self.samples.values())
        snapshot = Snapshot(IDENTITY, EPOCH, at, self.clock.ticks, at, state, DatabaseCounters(), Activity())
        self.history.save_tick(snapshot, (), deltas, point)

    def name(self, queryid: int, text: str, toplevel: bool = True, userid: int = 10) -> None:
        key = StatementKey(userid, 5, queryid, toplevel)
        at = self.clock.at
        state = tuple(self.samples.values())
        snapshot = Snapshot(IDENTITY, EPOCH, at, self.clock.ticks, at, state, DatabaseCounters(), Activity())
        self.history.save_tick(snapshot, [StatementText(key, text, False, "app", "shop")], None, None)

    def run(self, seconds: float, loads: Mapping[int | StatementKey, Load], step: float = 300.0) -> tuple[float, float]:
        since, end = self.clock.at, self.clock.at + seconds
        while self.clock.at < end - 1e-6:
            self.clock.advance(step)
            level = math.exp(self.chance.gauss(0, self.spread)) if self.spread else 1.0
            deltas = []
            for name, (rate, mean) in loads.items():
                key = name if isinstance(name, StatementKey) else StatementKey(10, 5, name)
                wanted = rate * step * level
                calls = max(0, round(self.chance.gauss(wanted, math.sqrt(wanted))))
                if not calls:
                    continue
                slow = math.exp(self.chance.gauss(0, self.spread)) if self.spread else 1.0
                took = sum(self.chance.uniform(0.5, 1.5) * mean for _ in range(min(calls, 20))) / min(calls, 20)
                time = took * slow * calls
                old = self.samples.get(key, StatementSample(key))
                self.samples[key] = replace(
                    old, calls=old.calls + calls, total_exec_time=old.total_exec_time + time,
                    stddev_exec_time=0.29 * mean,
                )  # fmt: skip
                deltas.append(StatementDelta(key, step, calls, calls, time, 0.0, 9 * calls, calls, 0, 0.0, 0))
            total, count = sum(one.exec_time for one in deltas), sum(one.calls for one in deltas)
            self.save(deltas, LoadPoint(self.clock.at, total / 1000 / step, total / max(1, count), 1.0, count))
        return since, self.clock.at


@pytest.fixture
def traffic(tmp_path: Path, clock: FixedClock) -> Iterator[Traffic]:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock)
    yield Traffic(history, clock)
    history.close()


def by_id(found: Movers) -> dict[int, Mover]:
    return {mover.key.queryid: mover for mover in found.movers}


def test_each_kind_of_move_has_its_name(traffic: Traffic) -> None:
    same = {1: (2.0, 10.0)}
    before = traffic.run(
        4 * HOUR, {**same, 2: (1.0, 20.0), 3: (1.0, 20.0), 4: (1.0, 5.0), 5: (2.0, 5.0), 6: (1.0, 8.0)}
    )
    after = traffic.run(
        4 * HOUR, {**same, 2: (1.0, 60.0), 3: (1.0, 10.0), 4: (3.0, 5.0), 5: (0.5, 5.0), 7: (1.0, 30.0)}
    )
    found = traffic.history.movers(TARGET, before, after)
    movers = by_id(found)
    assert {queryid: mover.moves for queryid, mover in movers.items()} == {
        1: (), 2: (Move.SLOWER,), 3: (Move.FASTER,), 4: (Move.MORE_CALLS,), 5: (Move.FEWER_CALLS,), 6: (Move.GONE,),
        7: (Move.NEW,),
    }  # fmt: skip
    assert [mover.key.queryid for mover in found.movers][:2] == [2, 7], "the largest change of load first"
    assert movers[2].by_mean == pytest.approx(0.04, rel=0.1)
    assert movers[4].by_calls == pytest.approx(0.01, rel=0.1)
    assert movers[2].tested
    assert movers[7].load_before == movers[6].load_after == 0


def test_the_parts_add_up_to_the_change(traffic: Traffic) -> None:
    before = traffic.run(2 * HOUR, {1: (1.0, 10.0), 2: (3.0, 4.0), 3: (1.0, 1.0)})
    after = traffic.run(3 * HOUR, {1: (2.0, 30.0), 2: (1.0, 9.0), 4: (1.0, 2.0)})
    found = traffic.history.movers(TARGET, before, after)
    for mover in found.movers:
        assert mover.by_calls + mover.by_mean == pytest.approx(mover.change)
    assert sum(mover.change for mover in found.movers) == pytest.approx(found.after.load - found.before.load)
    assert sum(mover.share_after for mover in found.movers) == pytest.approx(1.0)
    assert (found.before.observed, found.after.observed) == (pytest.approx(2 * HOUR), pytest.approx(3 * HOUR))
    few = traffic.history.movers(TARGET, before, after, most=1)
    assert (len(few.movers), few.left_out) == (1, 3)
    assert few.movers[0].change + few.left_out_change == pytest.approx(found.after.load - found.before.load)


def test_noise_is_no_move(tmp_path: Path) -> None:
    """Twenty pairs of days with means and rates that wander by 25 % from one interval to the next."""
    alarms = looked_at = 0
    for seed in range(20):
        clock = FixedClock(BEGIN)
        history = History.open(tmp_path / f"{seed}.db", clock)
        traffic = Traffic(history, clock, seed)
        traffic.spread = 0.25
        loads: dict[int | StatementKey, Load] = {number: (0.01 * 4**number, 10.0 / number) for number in range(1, 7)}
        before = traffic.run(6 * HOUR, loads, 600)
        after = traffic.run(6 * HOUR, loads, 600)
        found = history.movers(TARGET, before, after)
        alarms += sum(len(mover.moves) for mover in found.movers)
        looked_at += 2 * len(found.movers)
        history.close()
    assert looked_at == 240
    assert alarms <= 5, f"{alarms} of {looked_at}: 1 % were to be expected"


def test_a_rare_statement_is_neither_new_nor_gone(traffic: Traffic) -> None:
    before = traffic.run(2 * HOUR, {1: (1.0, 10.0)})
    traffic.run(300, {1: (1.0, 10.0), 2: (0.007, 500.0)})
    after = (before[1], traffic.run(2 * HOUR - 300, {1: (1.0, 10.0)})[1])
    found = by_id(traffic.history.movers(TARGET, before, after))
    assert found[2].after is not None
    assert found[2].after.calls < 5
    assert found[2].moves == ()


def test_a_statement_with_another_queryid_is_the_same(traffic: Traffic) -> None:
    traffic.name(1, "SELECT a FROM t WHERE b = $1")
    before = traffic.run(2 * HOUR, {1: (1.0, 10.0), 9: (1.0, 1.0)})
    del traffic.samples[StatementKey(10, 5, 1)]
    traffic.clock.advance(1)
    traffic.name(2, "select a from t where b = $1")
    after = traffic.run(2 * HOUR, {2: (1.0, 10.0), 9: (1.0, 1.0)})
    movers = by_id(traffic.history.movers(TARGET, before, after))
    assert set(movers) == {2, 9}
    assert (movers[2].formerly, movers[2].moves) == (1, ())


def test_a_queryid_that_changed_inside_the_earlier_window(traffic: Traffic) -> None:
    traffic.name(1, "SELECT a FROM t WHERE b = $1")
    since = traffic.run(HOUR, {1: (1.0, 10.0), 9: (1.0, 1.0)})[0]
    del traffic.samples[StatementKey(10, 5, 1)]
    traffic.clock.advance(1)
    traffic.name(2, "select a from t where b = $1")
    before = (since, traffic.run(HOUR, {2: (1.0, 10.0), 9: (1.0, 1.0)})[1])
    after = traffic.run(2 * HOUR, {2: (1.0, 10.0), 9: (1.0, 1.0)})
    movers = by_id(traffic.history.movers(TARGET, before, after))
    assert {queryid: mover.moves for queryid, mover in movers.items()} == {2: (), 9: ()}
    assert movers[2].formerly == 1


def test_users_are_one_statement_and_nested_ones_are_their_callers(traffic: Traffic) -> None:
    other, inner = StatementKey(11, 5, 1), StatementKey(10, 5, 3, False)
    traffic.name(4, "/* optischema */ SELECT 1")
    loads: dict[int | StatementKey, Load] = {1: (1.0, 10.0), other: (1.0, 10.0), inner: (1.0, 9.0), 4: (1.0, 1.0)}
    before, after = traffic.run(HOUR, loads), traffic.run(HOUR, loads)
    found = traffic.history.movers(TARGET, before, after)
    assert set(by_id(found)) == {1}
    assert found.after.load == pytest.approx(0.02, rel=0.1)
    assert found.hidden == 1
    alone = traffic.run(HOUR, {other: (1.0, 10.0)})
    assert [mover.moves for mover in traffic.history.movers(TARGET, before, alone).movers] == [(Move.FEWER_CALLS,)]
    assert found.notes == ("1 statements that ran inside functions are in the time of their callers.",)


def test_half_a_window_is_told_and_rates_are_of_what_was_seen(traffic: Traffic) -> None:
    loads: dict[int | StatementKey, Load] = {1: (5.0, 10.0)}
    before = traffic.run(2 * HOUR, loads)
    since = traffic.clock.at
    traffic.clock.advance(HOUR)
    traffic.save(None, None)
    traffic.run(HOUR, loads)
    found = traffic.history.movers(TARGET, before, (since, traffic.clock.at))
    assert found.after.observed == pytest.approx(HOUR)
    assert found.movers[0].moves == ()
    assert found.notes == ("The later window was observed for 50% of its time; loads are of that.",)
    nothing = traffic.history.movers(TARGET, (BEGIN - DAY, BEGIN - HOUR), before)
    assert nothing.before.observed == 0


def test_the_chance_of_steps() -> None:
    assert chance_of([0.0, 0.0, 0.0]) == 1.0
    assert chance_of([0.2, 0.2, 0.2]) == 0.0
    assert chance_of([0.1, 0.3, 0.2, 0.25]) == pytest.approx(0.0163, abs=0.001)
