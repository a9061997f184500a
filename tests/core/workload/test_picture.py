from __future__ import annotations

import time

import pytest

from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    ObserverCost,
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
    Totals,
)
from optischema_tui.core.workload.filter import OTHER_DATABASE, OURS
from optischema_tui.core.workload.picture import build_picture

TARGET = TargetIdentity("sys", 5, "shop", 180000)
TEXTS = {
    1: "SELECT * FROM users WHERE id = $1",
    2: "SELECT /* optischema-tui */ 1",
    3: "COMMIT",
    4: "SELECT * FROM elsewhere",
    5: "SELECT * FROM pg_class",
}


def key(queryid: int) -> StatementKey:
    return StatementKey(10, 6 if queryid == 4 else 5, queryid)


def texts() -> dict[StatementKey, StatementText]:
    return {key(number): StatementText(key(number), text, role="app") for number, text in TEXTS.items()}


def tick(number: int, **more) -> Snapshot:
    """Each tick adds 10 calls and 100 ms x the queryid to each statement, over 10 seconds."""
    statements = tuple(
        StatementSample(
            key(queryid),
            calls=10 * number,
            total_exec_time=100.0 * queryid * number,
            mean_exec_time=10.0 * queryid,
            shared_blks_hit=90 * number,
            shared_blks_read=10 * number,
        )
        for queryid in (*TEXTS, 9)
    )
    fields = {
        "target": TARGET,
        "epoch": Epoch("sys", 100.0, 1000.0, 180000, "1.12"),
        "taken_at": 1e9,
        "monotonic": 10.0 * number,
        "server_clock": 1100.0 + 10.0 * number,
        "statements": statements,
        "database": DatabaseCounters(xact_commit=50 * number, blks_hit=99 * number, blks_read=number),
        "activity": Activity(active=2, total=7, max_connections=100),
    }
    return Snapshot(**(fields | more))


def test_the_first_picture_knows_no_interval():
    picture = build_picture(None, tick(1), texts(), ())

    assert picture.seconds is None
    assert (picture.kpis.active, picture.kpis.tps, picture.kpis.hit_ratio, picture.kpis.db_time) == (
        2,
        None,
        None,
        None,
    )
    assert [row.key.queryid for row in picture.rows] == [9, 1]
    assert all(row.interval_calls is None for row in picture.rows)
    assert picture.rows[0].text == ""
    assert picture.rows[1].role == "app"
    assert picture.cost_share is None


def test_rows_and_hidden_ones_share_all_of_the_time():
    for previous in (None, tick(1)):
        picture = build_picture(previous, tick(2), texts(), ())

        assert sum(row.share for row in picture.rows) + sum(one.share for one in picture.hidden) == pytest.approx(1.0)
        assert {one.reason: one.statements for one in picture.hidden} == {
            "ours": 1,
            "maintenance": 1,
            "catalog only": 1,
            "other database": 1,
        }


def test_interval_figures():
    picture = build_picture(tick(1), tick(2), texts(), ())

    assert picture.seconds == 10
    assert picture.kpis.tps == 5.0
    assert picture.kpis.hit_ratio == pytest.approx(0.99)
    assert picture.kpis.db_time == pytest.approx((1 + 2 + 3 + 5 + 9) * 0.1 / 10)
    row = picture.rows[0]
    assert (row.interval_calls, row.interval_time, row.interval_mean) == (10, 900.0, 90.0)
    assert row.hit_ratio == pytest.approx(0.9)
    assert picture.cost_share == pytest.approx(0.02)


def test_filters_can_be_switched_off():
    picture = build_picture(tick(1), tick(2), texts(), (), frozenset((OURS, OTHER_DATABASE)))

    assert [row.key.queryid for row in picture.rows] == [9, 4, 2, 1]
    assert {one.reason for one in picture.hidden} == {"maintenance", "catalog only"}


def test_a_broken_interval_is_said_and_not_drawn():
    picture = build_picture(tick(2), tick(1, monotonic=30.0, server_clock=1130.0), texts(), ())

    assert picture.seconds is None
    assert picture.kpis.tps is None
    assert any("start anew" in notice for notice in picture.notices)


def test_statements_that_slept_have_zero_not_none():
    picture = build_picture(tick(1), tick(1, monotonic=20.0, server_clock=1120.0), texts(), ())

    assert all((row.interval_calls, row.interval_time, row.share) == (0, 0.0, 0.0) for row in picture.rows)
    assert picture.rows[0].interval_mean is None


def test_a_nested_statement_counts_in_its_caller_only():
    inner = StatementSample(StatementKey(10, 5, 1, False), calls=5, total_exec_time=5e6)
    now = tick(1, statements=(*tick(1).statements, inner))

    picture = build_picture(None, now, texts(), ())

    assert {one.reason: one.share for one in picture.hidden}["nested"] == 0.0
    assert sum(row.share for row in picture.rows) + sum(one.share for one in picture.hidden) == pytest.approx(1.0)


def test_our_cost_without_a_view_of_our_statements():
    mute = tuple(each for each in tick(2).statements if each.key.queryid != 2)

    picture = build_picture(tick(1), tick(2, statements=mute, cost=ObserverCost(3, 0.5)), texts(), ())

    assert picture.cost_share == pytest.approx(0.05)


def test_five_thousand_statements_are_quick():
    def many(number: int) -> Snapshot:
        return tick(
            number,
            statements=tuple(
                StatementSample(StatementKey(10, 5, n), calls=number * (n % 5), total_exec_time=number * 10.0 * (n % 5))
                for n in range(5000)
            ),
        )

    known = {
        StatementKey(10, 5, n): StatementText(
            StatementKey(10, 5, n), f"SELECT {n}, a FROM t{n} WHERE b = $1 AND c > $2"
        )
        for n in range(5000)
    }
    before, after = many(1), many(2)
    build_picture(before, after, known, ())
    took = []
    for _ in range(3):
        begun = time.process_time()
        picture = build_picture(before, after, known, ())
        took.append(time.process_time() - begun)

    assert len(picture.rows) == 5000
    assert min(took) < 0.25  # 0.05 on a quiet machine; a quadratic step would take seconds


def test_a_sampled_picture_says_so_and_weighs_each_row_by_its_own_interval():
    head, tail, unread = (StatementKey(10, 5, number) for number in (21, 22, 23))

    def sampled(number: int, calls: int, read_before: dict[StatementKey, float], time: float) -> Snapshot:
        samples = (
            StatementSample(head, calls=calls, total_exec_time=100.0 * calls, rows=2 * calls),
            StatementSample(tail, calls=calls, total_exec_time=100.0 * calls),
            StatementSample(unread, calls=5, total_exec_time=9.0),
        )
        return tick(number, statements=samples, read_before=read_before, totals=Totals(100_000, calls, time))

    before = sampled(1, 10, {tail: 1080.0, unread: 1000.0}, 5000.0)
    picture = build_picture(before, sampled(2, 20, {unread: 1000.0}, 9000.0), {}, ())

    assert picture.sampled == ("2 of 100,000 statements read in this tick; totals are exact, each row within 2 min")
    assert picture.statements == 100_000
    rows = {row.key: row for row in picture.rows}
    assert (rows[head].interval_seconds, rows[head].share, rows[head].stale) == (None, 0.25, False)
    assert (rows[tail].interval_seconds, rows[tail].interval_calls) == (40.0, 10)  # 30 s of them before this tick
    assert rows[tail].share == pytest.approx(0.25 / 4)
    assert (rows[unread].stale, rows[unread].interval_calls, rows[unread].share) == (True, None, 0.0)
    assert picture.rest_share == pytest.approx(1 - 0.25 - 0.25 / 4)
    assert [row.key for row in picture.rows] == [head, tail, unread]


def test_figures_of_the_interval_beside_those_of_the_lifetime():
    one = StatementKey(10, 5, 31)

    def with_counters(number: int, **counters) -> Snapshot:
        return tick(number, statements=(StatementSample(one, **counters),))

    before = with_counters(1, calls=10, total_exec_time=100.0, rows=10, shared_blks_hit=0, shared_blks_read=100)
    after = with_counters(
        2, calls=14, total_exec_time=300.0, mean_exec_time=20.0, stddev_exec_time=30.0, rows=50, shared_blks_hit=30,
        shared_blks_read=110, temp_blks_read=6, temp_blks_written=2, plans=3, jit_time=60.0, blk_read_time=90.0,
        temp_blk_io_time=30.0,
    )  # fmt: skip

    (row,) = build_picture(before, after, {}, ()).rows

    assert (row.interval_rows_per_call, row.rows_per_call) == (10.0, 50 / 14)
    assert (row.interval_hit_ratio, row.hit_ratio) == (0.75, 30 / 140)
    assert (row.interval_temp_per_call, row.temp_blks_per_call) == (2.0, 8 / 14)
    assert (row.variation, row.plans, row.jit_share, row.io_share) == (1.5, 3, 0.2, 0.4)
    assert (row.interval_seconds, row.stale) == (None, False)


def test_what_no_row_accounts_for_is_told():
    seen = StatementSample(StatementKey(10, 5, 41), calls=1, total_exec_time=250.0)

    picture = build_picture(None, tick(1, statements=(seen,), unreadable=3, totals=Totals(4, 9, 1000.0)), {}, ())

    assert (picture.rows[0].share, picture.rest_share, picture.statements) == (0.25, 0.75, 4)
