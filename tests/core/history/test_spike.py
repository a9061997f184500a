"""A moment opened: its statements beside the usual, its waits, who held up whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from history_simulation import BEGIN, TARGET, Simulation

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.models import ActivitySample, Reading, Session
from optischema_tui.core.models.analytics import BlockingMoment, Spike

HOUR = 3600.0


@pytest.fixture
def simulation(tmp_path: Path, clock: FixedClock) -> Iterator[Simulation]:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock)
    yield Simulation(history, clock)
    history.close()


def session(pid: int, wait: tuple[str, str] = ("", ""), blocked_by: tuple[int, ...] = ()) -> Session:
    return Session(
        pid, "client backend", "shop", "app", "web", "", "active", *wait, 1, "SELECT 'c4n4ry'", 9.0, 1.0, blocked_by
    )


def opened(simulation: Simulation, at: float) -> Spike:
    found = simulation.history.spike(TARGET, at)
    assert found is not None
    return found


def incident(simulation: Simulation) -> tuple[float, float]:
    """A quiet hour, then a minute in which statement 4 takes 100 times as long and sessions wait for each other."""
    quiet = simulation.clock.at
    for _ in range(12):
        simulation.run(270)
        simulation.clock.at = quiet + 300
        quiet = simulation.clock.at
        batch = [ActivitySample(quiet - 10 + n, 0.0, quiet - 10 + n, (session(1),)) for n in range(10)]
        simulation.history.save_activity(TARGET, batch)
    since = simulation.clock.at
    simulation.keys = simulation.keys[3:]
    simulation.chance.uniform = lambda low, high: 300.0  # type: ignore[method-assign]
    simulation.tick(60, share=1.0)
    waiting = (("Lock", "transactionid"), (1,))
    samples = []
    for second in range(1, 61):
        crowd = (session(1), session(2, *waiting), *((session(3, ("Lock", "tuple"), (2,)),) if second > 30 else ()))
        samples.append(ActivitySample(since + second, 0.0, since + second, crowd))
    simulation.history.save_activity(TARGET, samples)
    return since, simulation.clock.at


def test_a_minute_beside_the_hour_before_it(simulation: Simulation) -> None:
    since, until = incident(simulation)
    found = opened(simulation, since + 20)
    assert (found.since, found.until) == (since, until)
    assert opened(simulation, until).until == until
    assert found.statements[0].key.queryid == 4
    ran = [ran for ran in simulation.ran if ran.end == until]
    assert found.statements[0].load == pytest.approx(sum(ran[0].times) / 1000 / 60)
    before = sum(sum(ran.times) for ran in simulation.ran if ran.key.queryid == 4 and ran.end < until)
    assert found.statements[0].usual == pytest.approx(before / 1000 / (12 * 270), rel=0.15)
    assert found.usual is not None
    assert found.load is not None
    assert found.load > 10 * found.usual
    waits = {(one.wait_type, one.wait_event): one for one in found.waits}
    assert waits["Lock", "transactionid"].average == pytest.approx(1.0)
    assert waits["Lock", "tuple"].average == pytest.approx(0.5)
    assert waits["Lock", "tuple"].usual == 0
    assert waits["CPU", "CPU"].usual == pytest.approx(1.0)


def test_who_held_up_whom_and_since_when(simulation: Simulation) -> None:
    since, until = incident(simulation)
    found = opened(simulation, until)
    assert [(line.pid, line.depth, line.behind) for line in found.blocking] == [(1, 0, 2), (2, 1, 1), (3, 2, 0)]
    assert found.blocking[1].session is not None
    assert "c4n4ry" not in found.blocking[1].session.query
    assert found.blocking[1].session.query == "SELECT a1 FROM t"
    assert found.blocking_at == since + 31, "the first sample in which the most waited"
    assert len(found.blocked) == 60
    assert found.blocked[0] == BlockingMoment(since + 1, 1, (1,))
    assert {one.waiting for one in found.blocked[30:]} == {2}
    assert opened(simulation, since - 1).blocking == ()


def test_what_is_not_kept_is_told(simulation: Simulation) -> None:
    simulation.run(60)
    found = opened(simulation, simulation.clock.at)
    assert found.waits == found.blocking == found.blocked == ()
    assert "No sessions are stored of this moment." in found.notes
    first = opened(simulation, BEGIN + 1)
    assert first.usual is None
    assert {one.usual for one in first.statements} <= {None}
    assert simulation.history.spike(TARGET, BEGIN - 1) is None
    assert simulation.history.spike("other", BEGIN) is None


def test_locks_of_a_time_without_samples_are_those_that_were_read(simulation: Simulation) -> None:
    simulation.run(HOUR)
    at = simulation.clock.at
    rows = ((20, 10), (30, 20))
    reading = Reading("locks", at - 5, 0.0, at - 5, ("blocked_pid", "blocking_pid"), rows, "e")
    simulation.history.save_reading(TARGET, reading)
    found = opened(simulation, at)
    assert [(line.pid, line.depth, line.session) for line in found.blocking] == [
        (10, 0, None),
        (20, 1, None),
        (30, 2, None),
    ]
    assert found.blocking_at == at - 5
    assert any("reading of the locks" in note for note in found.notes)
    assert opened(simulation, at - 1800).blocking == ()


def test_counts_stand_for_samples_that_are_forgotten(simulation: Simulation) -> None:
    until = incident(simulation)[1]
    simulation.clock.advance(600)
    simulation.history.save_activity(
        TARGET, [ActivitySample(simulation.clock.at, 0.0, simulation.clock.at, (session(1),))]
    )
    simulation.history._execute("UPDATE activity SET body = NULL WHERE tier = 0 AND at <= ?", (until,))
    found = opened(simulation, until)
    assert {(one.wait_type, one.wait_event) for one in found.waits} >= {("Lock", "transactionid"), ("Lock", "tuple")}
    assert any("counts of the minutes around it" in note for note in found.notes)
