from __future__ import annotations

import pytest

from optischema_tui.core.models import (
    ActivitySample,
    LoadPoint,
    Session,
    StatementDelta,
    StatementKey,
    StatementText,
    StoredTick,
    TargetIdentity,
)
from optischema_tui.core.workload.past import past_picture

TARGET = TargetIdentity("sys", 5, "shop", 180000)
POINT = LoadPoint(1000.0, 0.5, 4.0, 12.0, 90)


def entry(queryid: int, text: str, time: float, **more) -> tuple[StatementText, StatementDelta]:
    fields = {"seconds": 60.0, "calls": 10, "rows": 30, "dbid": 5, "toplevel": True, "hit": 90, "read": 10} | more
    key = StatementKey(10, fields["dbid"], queryid, fields["toplevel"])
    delta = StatementDelta(
        key, fields["seconds"], fields["calls"], fields["rows"], time, 0.0, fields["hit"], fields["read"], 20, 0.0, 500,
        more.get("lower_bound", False),
    )  # fmt: skip
    return StatementText(key, text, role="app", database="shop"), delta


def tick(*rows, seconds: float = 60.0, point: LoadPoint | None = POINT) -> StoredTick:
    return StoredTick(1000.0, seconds, point, rows, 60.0)


def test_rows_are_of_the_interval_and_the_rest_is_unknown():
    picture = past_picture(
        tick(entry(1, "SELECT a FROM t", 100.0), entry(2, "SELECT b FROM t", 300.0, lower_bound=True)), TARGET, (POINT,)
    )

    assert picture.past
    assert (picture.taken_at, picture.seconds, picture.series, picture.statements) == (1000.0, 60.0, (POINT,), 2)
    assert [row.key.queryid for row in picture.rows] == [2, 1]
    row = picture.rows[0]
    assert (row.calls, row.interval_calls, row.total_exec_time, row.mean_exec_time, row.interval_mean) == (
        10, 10, 300.0, 30.0, 30.0,
    )  # fmt: skip
    assert (row.share, row.rows_per_call, row.hit_ratio, row.temp_blks_per_call) == (0.75, 3.0, 0.9, 2.0)
    assert (row.min_exec_time, row.max_exec_time, row.stddev_exec_time, row.sample, row.variation) == (None,) * 5
    assert (row.lower_bound, picture.rows[1].lower_bound) == (True, False)
    assert (row.role, row.database, row.text) == ("app", "shop", "SELECT b FROM t")
    kpis = picture.kpis
    assert (kpis.db_time, kpis.mean_latency, kpis.tps, kpis.hit_ratio) == (0.5, 4.0, 12.0, 0.9)
    assert (kpis.active, kpis.connections) == (None, None)


def test_filters_are_as_in_a_live_picture():
    rows = (
        entry(1, "SELECT a FROM t", 100.0),
        entry(2, "COMMIT", 100.0),
        entry(3, "SELECT a FROM t", 100.0, dbid=6),
        entry(4, "/* optischema-tui */ SELECT 1", 100.0),
        entry(5, "SELECT a FROM t", 900.0, toplevel=False),
    )

    picture = past_picture(tick(*rows), TARGET, (), frozenset(("maintenance",)))

    assert [row.key.queryid for row in picture.rows] == [1, 2]
    assert {one.reason: one.share for one in picture.hidden} == {"ours": 0.25, "other database": 0.25, "nested": 0.0}
    assert sum(row.share for row in picture.rows) + sum(one.share for one in picture.hidden) == pytest.approx(1.0)
    assert picture.cost_share == pytest.approx(0.1 / 60)


def test_a_row_of_a_longer_interval_weighs_by_its_own_rate():
    picture = past_picture(
        tick(entry(1, "SELECT a FROM t", 400.0, seconds=240.0), entry(2, "SELECT b FROM t", 200.0)), TARGET, ()
    )

    assert [(row.key.queryid, row.interval_seconds) for row in picture.rows] == [(2, None), (1, 240.0)]
    assert picture.rows[0].share == pytest.approx(2 / 3)


def test_an_interval_that_is_not_charted_and_an_empty_one():
    empty = past_picture(tick(seconds=0.0, point=None), TARGET, ())

    assert (empty.seconds, empty.rows, empty.kpis.db_time, empty.cost_share) == (None, (), None, None)


def test_sessions_of_that_moment():
    def session(state: str, kind: str = "client backend") -> Session:
        return Session(1, kind, "shop", "app", "", "", state, "", "", None, "", None, None)

    sample = ActivitySample(
        1.0,
        1.0,
        1.0,
        (session("active"), session("active", "parallel worker"), session("idle in transaction")),
        total=9,
    )
    kpis = past_picture(tick(), TARGET, (), activity=sample).kpis

    assert (kpis.active, kpis.connections) == (1, 9)
