"""Roll-ups: nothing is lost, nothing counts twice, whatever the tier and however the program ended."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from history_simulation import BEGIN, FOREVER, SHORT, TARGET, Simulation

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.limits import TIERS
from optischema_tui.core.history.store import History
from optischema_tui.core.history.tiers import bucket_end, chart_tier
from optischema_tui.core.models import StatementDelta, StatementKey

HOUR = 3600.0


def tiers(history: History) -> dict[int, int]:
    return dict(history._fetch("SELECT tier, count(*) FROM tick GROUP BY tier"))


@pytest.fixture
def short(tmp_path: Path, clock: FixedClock):
    clock.at = BEGIN
    history = History.open(tmp_path / "short.db", clock, SHORT)
    yield Simulation(history, clock)
    history.close()


def totals(history: History, since: float, until: float) -> dict[StatementKey, tuple[int, float]]:
    return {stats.key: (stats.calls, pytest.approx(stats.exec_time)) for stats in history.window(TARGET, since, until)}


def test_buckets_end_on_the_clock() -> None:
    assert bucket_end(120.0, 60) == 120
    assert bucket_end(120.01, 60) == 180
    assert chart_tier(30 * 86400, 600) == 3600
    assert chart_tier(86400, 600) == 60
    assert chart_tier(3600, 600) == 0
    assert chart_tier(-5, 600) == 0


def test_each_tier_keeps_its_time_and_the_sums_stay(short: Simulation) -> None:
    begin = short.clock.at
    short.run(8 * HOUR)
    counted = tiers(short.history)
    assert set(counted) == set(TIERS)
    assert counted[0] <= SHORT.ticks[0] / 30 + 8, counted
    assert counted[60] <= SHORT.ticks[1] / 60 + 12, counted
    assert counted[600] <= SHORT.ticks[2] / 600 + 8, counted
    assert counted[3600] == 8
    truth = {key: (len(times), sum(times)) for key, times in short.truth(begin, short.clock.at).items()}
    assert totals(short.history, begin, short.clock.at) == truth


def test_the_spread_of_the_calls_survives_every_tier(short: Simulation) -> None:
    begin = short.clock.at
    short.run(6 * HOUR)
    truth = short.truth(begin, short.clock.at)
    for stats in short.history.window(TARGET, begin, short.clock.at):
        assert stats.stddev_exec_time == pytest.approx(statistics.pstdev(truth[stats.key]), rel=1e-6)
        assert stats.rows == 2 * len([1 for ran in short.ran if ran.key == stats.key])
        assert (stats.shared_blks, stats.temp_blks) == (50 * stats.rows, 3 * stats.rows // 2)


def test_any_window_is_exact_to_the_tier_that_is_left(short: Simulation) -> None:
    """Never more than the intervals inside it, never less than those inside it without its ragged edges."""
    begin = short.clock.at
    for number in range(700):
        short.tick(30.0 if number % 50 else 400.0, breaks=number % 90 == 0)
    end, chance = short.clock.at, short.chance
    for _ in range(150):
        since, until = sorted(chance.uniform(begin - 60, end + 60) for _ in range(2))
        found = {stats.key: stats.calls for stats in short.history.window(TARGET, since, until)}
        outer = {key: len(times) for key, times in short.truth(since, until).items()}
        ragged = [edge_of(short, moment) for moment in (since, until)]
        inner = short.truth(since + ragged[0], until - ragged[1])
        for key in short.keys:
            assert len(inner.get(key, ())) <= found.get(key, 0) <= outer.get(key, 0)


def edge_of(simulation: Simulation, moment: float) -> float:
    """Width of the finest interval that is kept of `moment`, with what one more interval sticks out of a bucket."""
    age = simulation.clock.at - moment
    tier = next((tier for tier, kept in zip(TIERS, SHORT.ticks, strict=True) if age < kept - tier - 700), TIERS[-1])
    return 0.0 if not tier else tier + 800.0


def test_a_window_inside_one_bucket_that_is_still_raw_is_exact(short: Simulation) -> None:
    short.run(HOUR)
    end = short.clock.at
    for back in range(0, 600, 30):
        for length in (30, 60, 90, 240):
            since, until = end - back - length, end - back
            truth = {key: (len(times), sum(times)) for key, times in short.truth(since, until).items()}
            assert totals(short.history, since, until) == truth


def test_charts_show_everything_once_whatever_the_width(short: Simulation) -> None:
    begin = short.clock.at
    short.run(5 * HOUR)
    end = short.clock.at
    calls = sum(len(ran.times) for ran in short.ran)
    time = sum(sum(ran.times) for ran in short.ran)
    key = short.keys[2]
    own = [time for ran in short.ran if ran.key == key for time in ran.times]
    for points in (3, 10, 40, 120, 400, 5000):
        series = short.history.series(TARGET, begin, end, points)
        assert len(series) <= points + 2 or points == 3
        assert [point.at for point in series] == sorted({point.at for point in series})
        assert sum(point.calls for point in series) == calls
        assert sum(point.calls * point.mean_latency for point in series) == pytest.approx(time)
        edges = [begin, *(point.at for point in series)]
        widths = [after - before for before, after in pairwise(edges)]
        loads = sum(point.db_time * width * 1000 for point, width in zip(series, widths, strict=True))
        assert loads == pytest.approx(time), "no gaps here, so that the load times the width is the time"
        assert all(point.tps == pytest.approx(2.0) for point in series)
        one = short.history.statement_points(TARGET, key, begin, end, points)
        assert sum(point[1] for point in one) == len(own)
        assert sum(point[1] * point[2] for point in one) == pytest.approx(sum(own))
    cells = short.history.heatmap(TARGET, begin, end).cells
    assert sum(cell.calls for cell in cells) == calls
    assert len(cells) == 5
    of_one = short.history.heatmap(TARGET, begin, end, key.queryid).cells
    assert sum(cell.exec_time for cell in of_one) == pytest.approx(sum(own))
    with pytest.raises(ValueError, match="no measure size"):
        short.history.heatmap(TARGET, begin, end, measure="size")


def test_a_break_marks_every_tier_above(short: Simulation) -> None:
    begin = short.clock.at
    short.run(HOUR)
    short.tick(breaks=True)
    short.run(4 * HOUR)
    for points in (4, 30, 300):
        series = short.history.series(TARGET, begin, short.clock.at, points)
        assert sum(point.breaks for point in series) == 1


def test_lower_bounds_are_kept(short: Simulation) -> None:
    key = short.keys[0]
    short.clock.advance(30)
    lower = StatementDelta(key, 30.0, 5, 5, 10.0, 0.0, 1, 1, 0, 0.0, 0, lower_bound=True)
    assert short.history.save_tick(short.snapshot(), (), [lower], None)
    at = short.clock.at
    short.run(5 * HOUR)
    tick = short.history.tick_at(TARGET, at + HOUR - 30)
    assert tick is not None
    assert tick.tier_seconds == 3600
    assert [delta.key for _, delta in tick.rows if delta.lower_bound] == [key]


def test_rows_with_an_interval_of_their_own(short: Simulation) -> None:
    """A row of the tail: its interval began before the tick did, so that it is not inside a window that did not."""
    head, tail = short.keys[:2]
    short.run(HOUR)
    short.clock.advance(30)
    begin = short.clock.at - 30
    deltas = [
        StatementDelta(head, 30.0, 5, 5, 10.0, 0.0, 1, 1, 0, 0.0, 0),
        StatementDelta(tail, 300.0, 7, 5, 10.0, 0.0, 1, 1, 0, 0.0, 0),
    ]
    assert short.history.save_tick(replace(short.snapshot(), read_before={head: 1.0}), (), deltas, None)
    end = short.clock.at
    inside = {stats.key: stats.calls for stats in short.history.window(TARGET, begin, end)}
    assert inside == {head: 5}
    whole = {stats.key: stats.calls for stats in short.history.window(TARGET, end - 300, end)}
    before = {key: len(times) for key, times in short.truth(end - 300, end).items()}
    assert whole[tail] == before.get(tail, 0) + 7
    tick = short.history.tick_at(TARGET, end)
    assert tick is not None
    assert {delta.key: delta.seconds for _, delta in tick.rows} == {head: 30.0, tail: 300.0}
    short.run(5 * HOUR)
    first = short.ran[0].begin
    assert sum(stats.calls for stats in short.history.window(TARGET, first, short.clock.at)) == 12 + sum(
        len(ran.times) for ran in short.ran
    )


def test_an_interval_of_its_own_outlives_the_tick(short: Simulation) -> None:
    head, tail = short.keys[:2]
    short.run(HOUR)
    for number in range(2):  # one minute
        short.clock.advance(30)
        deltas = [
            StatementDelta(head, 30.0, 5, 5, 10.0, 0.0, 1, 1, 0, 0.0, 0),
            StatementDelta(tail, 300.0 + 30 * number, 7, 5, 10.0, 0.0, 1, 1, 0, 0.0, 0),
        ]
        assert short.history.save_tick(replace(short.snapshot(), read_before={head: 1.0}), (), deltas, None)
    end = short.clock.at
    short.run(1500)
    assert short.history._fetch("SELECT min(tier) FROM tick WHERE at = ?", (end,)) == [(60,)]
    inside = {stats.key: stats.calls for stats in short.history.window(TARGET, end - 60, end)}
    assert inside == {head: 10}
    wide = {stats.key: stats.calls for stats in short.history.window(TARGET, end - 360, end)}
    assert wide[tail] == 14 + sum(len(ran.times) for ran in short.ran if ran.key == tail and end - 360 < ran.end <= end)


def test_calls_of_an_unknown_spread_spread_as_the_others(short: Simulation) -> None:
    """The counters did not tell the spread of one interval: the deviation is that of the calls that are known."""
    key = short.keys[0]
    short.run(HOUR)
    begin = short.clock.at
    short.tick(share=1.0)
    known = short.ran[-4].times
    short.clock.advance(30)
    unknown = StatementDelta(key, 30.0, 9, 5, 40.0, 0.0, 1, 1, 0, 0.0, 0)
    assert short.history.save_tick(short.snapshot(), (), [unknown], None)
    end = short.clock.at
    for seconds in (0, 1500):
        short.run(seconds)
        (stats,) = [stats for stats in short.history.window(TARGET, begin, end) if stats.key == key]
        assert stats.calls == len(known) + 9
        assert stats.stddev_exec_time == pytest.approx(statistics.pstdev(known) if len(known) > 1 else 0.0)
    assert short.history._fetch("SELECT min(tier) FROM tick WHERE at = ?", (end,)) == [(60,)]


def test_only_tail_rows_moved(short: Simulation) -> None:
    short.clock.advance(30)
    delta = StatementDelta(short.keys[0], 600.0, 7, 5, 10.0, 0.0, 1, 1, 0, 0.0, 0)
    assert short.history.save_tick(replace(short.snapshot(), read_before={short.keys[1]: 1.0}), (), [delta], None)
    tick = short.history.tick_at(TARGET, short.clock.at)
    assert tick is not None
    assert tick.seconds == 30, "the tick's own length is the time since the snapshot before"


def test_what_comes_late_is_counted(short: Simulation) -> None:
    begin = short.clock.at
    short.run(2 * HOUR)
    short.clock.advance(-HOUR)
    late = short.clock.at
    short.run(600)
    short.clock.at = late + HOUR
    short.run(4 * HOUR)
    calls = Counter[StatementKey]()
    for ran in short.ran:
        calls[ran.key] += len(ran.times)
    assert {stats.key: stats.calls for stats in short.history.window(TARGET, begin, short.clock.at)} == calls
    assert sum(point.calls for point in short.history.series(TARGET, begin, short.clock.at, 5)) == calls.total()


def test_a_program_that_was_away_catches_up(tmp_path: Path, short: Simulation) -> None:
    begin = short.clock.at
    short.run(HOUR)
    short.clock.advance(20 * HOUR)
    short.tick()
    for _ in range(60):
        short.tick()
    truth = {key: (len(times), sum(times)) for key, times in short.truth(begin, short.clock.at).items()}
    assert totals(short.history, begin, short.clock.at) == truth
    old = short.history._fetch("SELECT DISTINCT tier FROM tick WHERE at < ?", (begin + HOUR + 1,))
    assert old == [(3600,)]


def test_ticks_of_the_format_before_are_summed_up(tmp_path: Path) -> None:
    formats = Path(__file__).parent / "formats"
    with closing(sqlite3.connect(tmp_path / "h.db")) as old:
        old.executescript((formats / "history-2.sql").read_text())
        at, fingerprint = old.execute("SELECT max(at), fingerprint FROM tick").fetchone()
        calls = old.execute("SELECT sum(calls) FROM delta").fetchone()[0]
    clock = FixedClock(at + 20 * HOUR)
    history = History.open(tmp_path / "h.db", clock, SHORT)
    for _ in range(30):
        Simulation(history, clock).tick()
    assert sum(stats.calls for stats in history.window(fingerprint, 0, at)) == calls
    assert history._fetch("SELECT DISTINCT tier FROM tick WHERE at <= ?", (at,)) == [(3600,)]
    assert history._fetch("SELECT count(*) FROM statement WHERE text <> '' AND text_hash = ''") == [(0,)]
    history.close()


def test_long_intervals_are_not_stored_twice(short: Simulation) -> None:
    for _ in range(40):
        short.tick(300.0)
    ticks = short.history._fetch("SELECT count(*) FROM tick WHERE tier IN (0, 60)")[0][0]
    assert ticks <= 1 + SHORT.ticks[1] / 300 + 4
    assert totals(short.history, short.ran[0].begin, short.clock.at) == {
        key: (len(times), sum(times)) for key, times in short.truth(0, short.clock.at).items()
    }


def test_the_heaviest_statements_of_long_intervals_stay(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    history = History.open(tmp_path / "few.db", clock, replace(SHORT, statements_a_tick=5))
    many = Simulation(history, clock, statements=20)
    for _ in range(600):
        many.tick(share=1.0)
    tick = history.tick_at(TARGET, clock.at - 4 * HOUR)
    left_out = history._fetch("SELECT DISTINCT left_out FROM tick WHERE tier = 3600")
    history.close()
    assert tick is not None
    assert len(tick.rows) == 5
    assert {18, 19, 20} <= {delta.key.queryid for _, delta in tick.rows}
    assert left_out == [(15,)]


def test_an_undone_save_leaves_no_half_of_a_roll_up(short: Simulation) -> None:
    begin = short.clock.at
    short.run(HOUR - 30)
    short.clock.advance(60)
    huge = StatementDelta(short.keys[0], 30.0, 1 << 70, 1, 1.0, 0.0, 0, 0, 0, 0.0, 0)
    before = short.history._fetch("SELECT id, tier, parent, leaf FROM tick ORDER BY id")
    with pytest.raises(StorageError):
        short.history.save_tick(short.snapshot(), (), [huge], None)
    assert short.history._fetch("SELECT id, tier, parent, leaf FROM tick ORDER BY id") == before
    short.run(2 * HOUR)
    truth = {key: (len(times), sum(times)) for key, times in short.truth(begin, short.clock.at).items()}
    assert totals(short.history, begin, short.clock.at) == truth


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from history_simulation import FOREVER, Simulation
clock = FixedClock(float(sys.argv[3]))
simulation = Simulation(History.open(Path(sys.argv[1]), clock, FOREVER), clock, seed=int(clock.at))
while True:
    simulation.tick(60.0)
    print(clock.at, sum(len(ran.times) for ran in simulation.ran), flush=True)
"""


def killed_writers(tmp_path: Path, kills: int) -> None:
    path, here = tmp_path / "killed.db", str(Path(__file__).parent)
    at, acknowledged, chance = BEGIN, 0, random.Random(3)
    for _ in range(kills):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), here, str(at)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        lines = [child.stdout.readline().split() for _ in range(chance.randint(1, 150))]
        os.kill(child.pid, signal.SIGKILL)
        lines += [line.split() for line in child.stdout if line.endswith("\n")]
        child.wait(10)
        child.stdout.close()
        acknowledged += int(lines[-1][1])
        clock = FixedClock(float(lines[-1][0]))
        history = History.open(path, clock, FOREVER)
        stored = sum(stats.calls for stats in history.window(TARGET, 0, clock.at))
        charted = sum(point.calls for point in history.series(TARGET, 0, clock.at + 60, 9))
        last = history.span(TARGET)
        history.close()
        assert stored == acknowledged
        assert last is not None
        assert last[1] - clock.at in (0.0, 60.0), "at most the tick that was being acknowledged"
        if last[1] > clock.at:
            acknowledged += charted - stored
        at = last[1] + 60
    assert acknowledged > 100


def test_a_killed_program_loses_and_doubles_nothing(tmp_path: Path) -> None:
    killed_writers(tmp_path, 4)


@pytest.mark.deep
def test_many_killed_programs_lose_and_double_nothing(tmp_path: Path) -> None:
    killed_writers(tmp_path, 100)
