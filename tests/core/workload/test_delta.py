from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    ObserverCost,
    Snapshot,
    StatementKey,
    StatementSample,
    TargetIdentity,
    Totals,
)
from optischema_tui.core.workload.delta import deltas, interval_seconds, point_of

TARGET = TargetIdentity("sys", 5, "shop", 180000)
EPOCH = Epoch("sys", 100.0, 200.0, 180000, "1.12")


def key(queryid: int, dbid: int = 5) -> StatementKey:
    return StatementKey(10, dbid, queryid)


def sample(queryid: int, calls: int, time: float, **more) -> StatementSample:
    return StatementSample(key(queryid), calls=calls, total_exec_time=time, **more)


def snapshot(*statements: StatementSample, at: float = 0.0, **more) -> Snapshot:
    fields = {
        "target": TARGET,
        "epoch": EPOCH,
        "taken_at": 1e9 + at,
        "monotonic": 50.0 + at,
        "server_clock": 2e9 + at,
        "database": DatabaseCounters(),
        "activity": Activity(),
        "cost": ObserverCost(),
    }
    return Snapshot(statements=statements, **(fields | more))


def test_counters_are_subtracted_and_idle_statements_left_out():
    before = snapshot(sample(1, 10, 100.0, rows=5, wal_bytes=7), sample(2, 3, 9.0))
    after = snapshot(sample(1, 14, 180.0, rows=9, wal_bytes=17), sample(2, 3, 9.0), at=10)

    found = deltas(before, after)

    assert found.seconds == 10
    assert not found.broken
    assert set(found.statements) == {key(1)}
    delta = found.statements[key(1)]
    assert (delta.calls, delta.exec_time, delta.rows, delta.wal_bytes) == (4, 80.0, 4, 10)
    assert delta.mean_exec_time == 20.0
    assert not delta.lower_bound


def test_a_new_statement_counts_from_zero():
    found = deltas(snapshot(), snapshot(sample(1, 2, 30.0), at=5))

    assert found.statements[key(1)].calls == 2
    assert not found.statements[key(1)].lower_bound


def test_an_eviction_makes_lower_bounds():
    before = snapshot(sample(1, 10, 100.0), sample(2, 10, 100.0), dealloc=3)
    after = snapshot(sample(1, 12, 110.0), sample(2, 4, 8.0), sample(3, 1, 1.0), at=5, dealloc=4)

    found = deltas(before, after)

    assert found.lower_bound
    assert all(delta.lower_bound for delta in found.statements.values())
    assert found.statements[key(2)].calls == 4  # came back: all that it has is of this interval
    assert found.statements[key(3)].calls == 1


@pytest.mark.parametrize("counter", ["calls", "total_exec_time", "shared_blks_hit", "wal_bytes", "temp_blks_written"])
def test_a_decreasing_counter_breaks_the_interval(counter):
    full = sample(1, 10, 100.0, shared_blks_hit=50, wal_bytes=50, temp_blks_written=50)
    more = replace(full, calls=11, total_exec_time=101.0)

    found = deltas(snapshot(full), snapshot(replace(more, **{counter: getattr(full, counter) - 1}), at=5))

    assert "reset" in found.broken
    assert found.statements == {}
    assert found.seconds == 0


def test_mean_minimum_and_maximum_may_fall():
    before = snapshot(sample(1, 10, 100.0, mean_exec_time=10.0, max_exec_time=50.0, stddev_exec_time=9.0))
    after = snapshot(sample(1, 11, 101.0, mean_exec_time=9.1, max_exec_time=1.0, stddev_exec_time=1.0), at=5)

    assert not deltas(before, after).broken


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"postmaster_start": 101.0}, "restarted"),
        ({"stats_reset": 201.0}, "reset"),
        ({"server_version_num": 190000}, "upgraded"),
        ({"extension_version": "1.13"}, "upgraded"),
        ({"system_identifier": "other"}, "another server"),
    ],
)
def test_no_delta_crosses_an_epoch(change, word):
    before, after = snapshot(sample(1, 10, 1.0)), snapshot(sample(1, 20, 2.0), at=5, epoch=replace(EPOCH, **change))

    found = deltas(before, after)

    assert word in found.broken
    assert found.statements == {}


def test_a_row_that_vanished_is_an_eviction_where_the_server_does_not_tell():
    old = replace(EPOCH, stats_reset=None)
    before = snapshot(sample(1, 10, 100.0), sample(2, 5, 5.0), epoch=old)

    assert deltas(before, snapshot(sample(1, 3, 7.0), at=5, epoch=old)).statements[key(1)].calls == 3
    assert not deltas(before, snapshot(sample(1, 10, 100.0), sample(2, 6, 6.0), at=5, epoch=old)).lower_bound


def test_newly_readable_rows_are_not_new_work():
    before = snapshot(unreadable=3)

    assert "readable" in deltas(before, snapshot(sample(1, 9000, 1e9), at=5)).broken


def test_a_reset_of_the_database_statistics_breaks():
    before = snapshot(database=DatabaseCounters(xact_commit=10))

    assert "database" in deltas(before, snapshot(at=5, database=DatabaseCounters(xact_commit=2))).broken


def test_seconds_come_from_the_right_clock():
    before = snapshot()
    stepped = snapshot(at=10, server_clock=1.0)  # the server's clock went back
    stored = snapshot(monotonic=0.0)

    assert interval_seconds(before, stepped) == 10
    assert interval_seconds(stored, snapshot(at=7)) == 7
    assert interval_seconds(before, snapshot(at=7, taken_at=5.0)) == 7  # the local clock was set
    assert interval_seconds(before, snapshot(at=7, monotonic=9e9)) == 7  # another boot of this machine
    assert interval_seconds(before, snapshot(at=7, monotonic=3.0)) == 7
    assert "clock" in deltas(before, before).broken


def test_a_point_of_the_charts():
    before = snapshot(sample(1, 10, 100.0), database=DatabaseCounters(xact_commit=10, xact_rollback=1))
    elsewhere = StatementSample(key(7, dbid=6), calls=9, total_exec_time=1e6)
    nested = StatementSample(StatementKey(10, 5, 1, False), calls=9, total_exec_time=1e6)
    after = snapshot(
        sample(1, 20, 5100.0), elsewhere, nested, at=10, database=DatabaseCounters(xact_commit=55, xact_rollback=6)
    )

    point = point_of(after, deltas(before, after), breaks=True)

    assert point is not None
    assert (point.db_time, point.mean_latency, point.tps, point.calls) == (0.5, 500.0, 5.0, 10)
    assert point.breaks
    assert point.at == after.taken_at
    assert point_of(after, deltas(after, before)) is None


@pytest.mark.parametrize(("change", "word"), [({"timeline": 2}, "took over"), ({"crashed_at": 150.0}, "crashed")])
def test_a_failover_and_a_crash_end_an_epoch_although_the_postmaster_is_as_old(change, word):
    before, after = snapshot(sample(1, 10, 1.0)), snapshot(sample(1, 20, 2.0), at=5, epoch=replace(EPOCH, **change))

    assert word in deltas(before, after).broken


@pytest.mark.parametrize("counter", ["jit_functions", "temp_blk_io_time", "local_blk_io_time", "wal_buffers_full"])
def test_the_newer_counters_tell_of_a_reset_too(counter):
    before, after = sample(1, 10, 100.0, **{counter: 5}), sample(1, 11, 101.0, **{counter: 4})

    assert "reset" in deltas(snapshot(before), snapshot(after, at=5)).broken


def test_a_row_that_tells_when_it_began_is_an_epoch_of_its_own():
    before = snapshot(sample(1, 10, 100.0, stats_since=500.0), sample(2, 10, 100.0, stats_since=500.0), dealloc=1)
    after = snapshot(
        sample(1, 15, 150.0, stats_since=2e9 + 3), sample(2, 12, 120.0, stats_since=500.0), at=5, dealloc=2
    )

    found = deltas(before, after)

    assert (found.statements[key(1)].calls, found.statements[key(1)].lower_bound) == (15, True)  # larger, and yet anew
    assert (found.statements[key(2)].calls, found.statements[key(2)].lower_bound) == (2, False)


def test_the_delta_of_a_row_that_was_read_less_often_is_of_its_own_interval():
    tail, still = sample(1, 10, 100.0), sample(2, 10, 100.0)
    before = snapshot(tail, still, read_before={key(1): 2e9 - 40, key(2): 2e9 - 40})
    after = snapshot(sample(1, 16, 160.0), still, at=5, read_before={key(2): 2e9 - 40})

    found = deltas(before, after)

    assert set(found.statements) == {key(1)}
    assert (found.statements[key(1)].seconds, found.statements[key(1)].calls) == (45, 6)
    assert found.seconds == 5


def test_a_row_read_before_the_epoch_began_has_no_delta():
    began = replace(EPOCH, stats_reset=2e9 - 20)
    before = snapshot(sample(1, 10, 100.0), epoch=began, read_before={key(1): 2e9 - 40})

    found = deltas(before, snapshot(sample(1, 16, 160.0), at=5, epoch=began))

    assert (found.broken, found.statements) == ("", {})


def test_sums_of_a_sampled_interval_come_from_the_totals():
    rest = {"read_before": {key(2): 2e9 - 9}}
    quiet = sample(2, 7, 70.0)
    before = snapshot(sample(1, 10, 100.0), quiet, totals=Totals(9, 100, 1000.0, 50, 500.0), **rest)
    after = snapshot(sample(1, 20, 600.0), quiet, at=10, totals=Totals(9, 400, 5000.0, 250, 2500.0), **rest)

    found = deltas(before, after)
    point = point_of(after, found)

    assert (found.total_time, found.here_time, found.here_calls) == (4000.0, 2000.0, 200)
    assert point is not None
    assert (point.db_time, point.mean_latency, point.calls) == (0.2, 10.0, 200)
    evicted = deltas(before, replace(after, dealloc=1))
    assert (evicted.total_time, evicted.here_calls) == (500.0, 10)  # sums lose what was evicted: the rows are surer
