"""Lines with bands: sums are the truth's at every width, percentiles are what they say."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from history_simulation import BEGIN, SHORT, TARGET, Simulation

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.history.stretches import Part
from optischema_tui.core.history.trends import STEPS, deviation_of, weighted_percentile
from optischema_tui.core.models import ActivitySample, Session

HOUR = 3600.0


@pytest.fixture
def simulation(tmp_path: Path, clock: FixedClock) -> Iterator[Simulation]:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, SHORT)
    yield Simulation(history, clock)
    history.close()


def part(calls: int, mean: float, squares: float | None = None) -> Part:
    return Part(0.0, 60.0, 60.0, calls, calls * mean, squares=squares)


def test_percentiles_weigh_by_calls() -> None:
    parts = [part(90, 1.0), part(6, 5.0), part(4, 100.0)]
    assert weighted_percentile(parts, 0.5) == 1.0
    assert weighted_percentile(parts, 0.95) == 5.0
    assert weighted_percentile(parts, 0.97) == 100.0
    assert weighted_percentile([], 0.5) is None


def test_the_deviation_is_of_all_calls() -> None:
    groups = [[1.0, 2.0, 6.0], [10.0, 11.0], [4.0]]
    parts = [
        part(len(group), statistics.fmean(group), sum((x - statistics.fmean(group)) ** 2 for x in group))
        for group in groups
    ]
    assert deviation_of(parts) == pytest.approx(statistics.pstdev([x for group in groups for x in group]))
    assert deviation_of([*parts, part(3, 2.0)]) is None, "of some calls it is not known"


@pytest.mark.parametrize("points", [1, 7, 24, 120, 600])
def test_sums_are_the_truth_at_every_width(simulation: Simulation, points: int) -> None:
    simulation.run(5 * HOUR)
    end, key = simulation.clock.at, simulation.keys[2]
    for queryid, ran in ((None, simulation.ran), (3, [one for one in simulation.ran if one.key == key])):
        trend = simulation.history.trend(TARGET, BEGIN, end, queryid, points)
        assert sum(point.calls for point in trend.points) == pytest.approx(sum(len(one.times) for one in ran))
        assert sum(point.exec_time for point in trend.points) == pytest.approx(sum(sum(one.times) for one in ran))
        assert len(trend.points) <= points + 1
        assert trend.points[-1].at == end
        assert {point.seconds for point in trend.points} <= set(STEPS)
        assert sum(point.observed for point in trend.points) == pytest.approx(5 * HOUR)
        for point in trend.points:
            if point.p50 is not None and point.p95 is not None:
                assert 0 < point.p50 <= point.p95


def test_bands_are_of_the_intervals(simulation: Simulation) -> None:
    simulation.run(600)
    key = simulation.keys[0]
    point = simulation.history.trend(TARGET, BEGIN, None, 1, 1).points[0]
    own = [ran for ran in simulation.ran if ran.key == key]
    means = sorted(x for ran in own for x in [sum(ran.times) / len(ran.times)] * len(ran.times))
    assert point.intervals == len(own)
    assert point.p50 == pytest.approx(means[-(-len(means) // 2) - 1])
    assert point.deviation == pytest.approx(statistics.pstdev([x for ran in own for x in ran.times]), rel=1e-6)
    trend = simulation.history.trend(TARGET, BEGIN, None, 1, 1)
    assert "no percentile of calls; the deviation is of single calls" in trend.bands
    whole = simulation.history.trend(TARGET, BEGIN, None, None, 1)
    assert whole.points[0].deviation is None
    assert "deviation" not in whole.bands


def test_gaps_and_breaks(simulation: Simulation) -> None:
    simulation.run(HOUR)
    simulation.clock.advance(HOUR)
    simulation.history.save_tick(simulation.snapshot(), (), None, None)
    simulation.tick(30, breaks=True)
    simulation.run(HOUR)
    points = simulation.history.trend(TARGET, BEGIN, None, None, 12).points
    gap = [point for point in points if not point.observed]
    assert gap
    assert all((point.load, point.mean, point.calls_per_second, point.p50) == (None,) * 4 for point in gap)
    assert [point.at for point in points if point.breaks] == [
        next(point.at for point in points if point.at > gap[-1].at)
    ]


def test_a_queryid_that_the_server_renamed_goes_on(simulation: Simulation) -> None:
    simulation.run(HOUR)
    old = simulation.keys[1]
    new = replace(old, queryid=200)
    text = replace(simulation.texts([old])[0], key=new)
    simulation.counters[new] = type(simulation.counters[old])()
    del simulation.samples[old]
    simulation.keys[1] = new
    simulation.clock.advance(1)
    simulation.history.save_tick(simulation.snapshot(), [text], None, None)
    simulation.run(HOUR)
    found = simulation.history.trend(TARGET, BEGIN, None, 200, 4)
    ran = [one for one in simulation.ran if one.key in (old, new)]
    assert sum(point.calls for point in found.points) == pytest.approx(sum(len(one.times) for one in ran))


def watched(simulation: Simulation, seconds: int) -> list[ActivitySample]:
    """Samples of each second with two sessions, one in statement 1 and one in statement 2."""
    samples = []
    for _ in range(seconds // 10):
        batch = []
        for _ in range(10):
            simulation.clock.advance(1)
            wait = simulation.chance.choice([("", ""), ("IO", "DataFileRead"), ("Lock", "tuple")])
            sessions = tuple(
                Session(pid, "client backend", "shop", "app", "web", "", "active", *wait, pid, "", 1.0, 1.0)
                for pid in (1, 2)
            )
            batch.append(ActivitySample(simulation.clock.at, simulation.clock.ticks, simulation.clock.at, sessions))
        simulation.history.save_activity(TARGET, batch)
        samples += batch
    return samples


def test_waits_of_the_target_and_of_one_statement(simulation: Simulation) -> None:
    samples = watched(simulation, 600)
    simulation.tick()
    end = samples[-1].taken_at
    own = Counter(sample.sessions[0].wait_type or "CPU" for sample in samples)
    one = simulation.history.trend(TARGET, BEGIN, end, 1, 1).waits
    whole = simulation.history.trend(TARGET, BEGIN, end, None, 1).waits
    counted = sum(point.samples for point in one)
    assert 0.8 * len(samples) <= counted <= len(samples), "all minutes that are over"
    for name, average in one[0].by_class:
        assert average == pytest.approx(own[name] / len(samples), abs=0.06)
    assert sum(average for _, average in one[0].by_class) == pytest.approx(1.0)
    assert sum(average for _, average in whole[0].by_class) == pytest.approx(2.0)
