"""Load by hour and day: sums are the truth's, hours are the wall's, a gap is no zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from history_simulation import BEGIN, SHORT, TARGET, Simulation

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.heatmap import hours_between, lay_over_hours, midnight, whole_hours
from optischema_tui.core.history.store import History
from optischema_tui.core.history.stretches import Part

HOUR, DAY = 3600.0, 86_400.0


def wall(zone: str) -> Callable[[float], tuple[str, int]]:
    def hour_of(at: float) -> tuple[str, int]:
        moment = datetime.fromtimestamp(at, ZoneInfo(zone))
        return moment.date().isoformat(), moment.hour

    return hour_of


def moment(zone: str, *words: int) -> float:
    return datetime(*words, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[arg-type]


UTC = wall("UTC")


@pytest.fixture
def simulation(tmp_path: Path, clock: FixedClock) -> Iterator[Simulation]:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, SHORT)
    yield Simulation(history, clock)
    history.close()


def test_each_hour_has_what_ran_in_it(simulation: Simulation) -> None:
    simulation.run(5 * HOUR)
    end, key = simulation.clock.at, simulation.keys[1]
    whole = simulation.history.heatmap(TARGET, BEGIN, end, hour_of=UTC)
    one = simulation.history.heatmap(TARGET, BEGIN, end, key.queryid, "blocks", UTC)
    both = simulation.history.heatmap(TARGET, BEGIN, end, None, "blocks", UTC)
    assert [(cell.day, cell.hour) for cell in whole.cells] == [("2023-11-15", hour) for hour in range(5)]
    for hour in range(5):
        ran = [ran for ran in simulation.ran if BEGIN + hour * HOUR < ran.end <= BEGIN + (hour + 1) * HOUR]
        own = [each for each in ran if each.key == key]
        for cell, parts in ((whole.cells[hour], ran), (one.cells[hour], own)):
            assert cell.observed == pytest.approx(HOUR)
            assert cell.calls == sum(len(part.times) for part in parts)
            assert cell.exec_time == pytest.approx(sum(sum(part.times) for part in parts))
            assert cell.value("latency") == pytest.approx(cell.exec_time / cell.calls)
            assert cell.value("time") == pytest.approx(cell.exec_time / 1000 / HOUR)
        assert one.cells[hour].blocks == 100 * len(own), "90 hit and 10 read in each interval"
        assert both.cells[hour].blocks == 100 * len(ran)
        assert both.cells[hour].value("blocks") == pytest.approx(100 * len(ran) / HOUR)
    assert (one.text, one.queryid, one.notes) == ("SELECT a2 FROM t", key.queryid, ())


def test_blocks_of_nested_statements_are_their_callers(simulation: Simulation) -> None:
    simulation.run(HOUR)
    before = simulation.history.heatmap(TARGET, BEGIN, None, None, "blocks", UTC).cells[0].blocks
    simulation.history._execute("UPDATE statement SET toplevel = 0 WHERE queryid = ?", (2,))
    after = simulation.history.heatmap(TARGET, BEGIN, None, None, "blocks", UTC).cells[0].blocks
    assert before - after == 100 * sum(1 for ran in simulation.ran if ran.key.queryid == 2) > 0


def test_a_gap_is_not_zero_and_an_idle_statement_is(simulation: Simulation) -> None:
    simulation.run(HOUR)
    simulation.clock.advance(2 * HOUR)
    simulation.history.save_tick(simulation.snapshot(), (), None, None)
    quiet = simulation.keys.pop()
    simulation.run(HOUR)
    cells = simulation.history.heatmap(TARGET, BEGIN, None, quiet.queryid, "calls", UTC).cells
    assert [cell.value("calls") is None for cell in cells] == [False, True, True, False]
    assert cells[0].value("calls")
    assert (cells[3].value("calls"), cells[3].value("latency"), cells[3].observed) == (0, None, pytest.approx(HOUR))
    notes = simulation.history.heatmap(TARGET, BEGIN, None, None, "calls", UTC).notes
    assert notes == ("50% of the time was observed; the rest is a gap, not an idle server.",)


def test_an_interval_of_hours_is_spread_over_them(simulation: Simulation) -> None:
    simulation.run(HOUR)
    simulation.tick(4 * HOUR, share=1.0)
    cells = simulation.history.heatmap(TARGET, BEGIN, None, None, "calls", UTC).cells
    long = sum(len(ran.times) for ran in simulation.ran if ran.end == simulation.clock.at)
    assert [cell.calls for cell in cells[1:]] == pytest.approx([long / 4] * 4)
    assert [cell.observed for cell in cells] == pytest.approx([HOUR] * 5)


def test_the_window_is_widened_to_whole_hours(simulation: Simulation) -> None:
    simulation.run(3 * HOUR)
    end = simulation.clock.at
    found = simulation.history.heatmap(TARGET, BEGIN + 1.5 * HOUR, BEGIN + 1.6 * HOUR, hour_of=UTC)
    assert (found.since, found.until) == (BEGIN + HOUR, BEGIN + 2 * HOUR)
    assert whole_hours(end - 10, end - 5, end - 2, UTC) == (end - HOUR, end - 2)


def test_days_on_which_the_clocks_change() -> None:
    berlin = wall("Europe/Berlin")
    spring = hours_between(moment("Europe/Berlin", 2026, 3, 29), moment("Europe/Berlin", 2026, 3, 30), berlin)
    assert [hour for _, hour in spring] == [0, 1, *range(3, 24)], "02:00 never was"
    begin = moment("Europe/Berlin", 2026, 10, 25)
    autumn = hours_between(begin, moment("Europe/Berlin", 2026, 10, 26), berlin)
    assert [hour for _, hour in autumn] == list(range(24))
    assert autumn["2026-10-25", 2] == 2 * HOUR
    ticks = [Part(begin + (n + 1) * HOUR, HOUR, HOUR, 3600, 7200.0) for n in range(25)]
    cells = lay_over_hours(autumn, ticks, ticks, berlin)
    assert [cell.value("calls") for cell in cells] == [1.0] * 24, "the hour that came twice is not twice as busy"
    assert cells[2].calls == 7200


def test_zones_whose_hours_begin_at_half_past(simulation: Simulation) -> None:
    """Of the time of which ten minutes are kept, the hours are exact there too."""
    simulation.run(2.5 * HOUR)
    kolkata = wall("Asia/Kolkata")
    cells = simulation.history.heatmap(TARGET, BEGIN, None, None, "calls", kolkata).cells
    edges = [BEGIN, *(BEGIN + (n + 0.5) * HOUR for n in range(3))]
    assert [cell.hour for cell in cells] == [5, 6, 7]
    for cell, since, until in zip(cells, edges, edges[1:], strict=False):
        assert cell.calls == sum(len(ran.times) for ran in simulation.ran if since < ran.end <= until)


def test_older_days_of_such_a_zone_are_told(simulation: Simulation) -> None:
    simulation.run(6 * HOUR)
    found = simulation.history.heatmap(TARGET, BEGIN, None, None, "calls", wall("Asia/Kolkata"))
    assert sum(cell.calls for cell in found.cells) == sum(len(ran.times) for ran in simulation.ran)
    assert "in the hour that its middle is in" in found.notes[0]
    assert not simulation.history.heatmap(TARGET, BEGIN, None, None, "calls", UTC).notes


def test_midnight_is_of_the_wall() -> None:
    berlin = wall("Europe/Berlin")
    now = moment("Europe/Berlin", 2026, 10, 26, 9, 30)
    assert midnight(now, 1, berlin) == moment("Europe/Berlin", 2026, 10, 26)
    assert midnight(now, 2, berlin) == moment("Europe/Berlin", 2026, 10, 25), "a day of 25 hours"
    assert midnight(now, 3, berlin) == moment("Europe/Berlin", 2026, 10, 24)
    spring = moment("Europe/Berlin", 2026, 3, 30, 0, 30)
    assert midnight(spring, 2, berlin) == moment("Europe/Berlin", 2026, 3, 29)


def test_what_the_roll_up_left_out_is_told(simulation: Simulation) -> None:
    simulation.run(2 * HOUR)
    simulation.history._execute("UPDATE tick SET left_out = 3 WHERE tier = 600", ())
    simulation.history._execute("UPDATE tick SET left_out = 3 WHERE tier = 3600", ())
    found = simulation.history.heatmap(TARGET, BEGIN, None, 1, "calls", UTC)
    assert "heaviest statements only" in found.notes[0]
    assert not simulation.history.heatmap(TARGET, BEGIN, None, None, "calls", UTC).notes
