"""Values drawn with other planners than the newest server's: an old target, and the lab."""

from __future__ import annotations

import psycopg
import pytest

from optischema_tui.core.advise.values.draw import draw
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import QueryRow, StatementKey
from optischema_tui.core.target.explain import explain_generic
from optischema_tui.core.workload.statement import WorkloadStatement, from_rows

SHOP = """
CREATE TABLE orders (id bigint PRIMARY KEY, status text, tenant_id int);
INSERT INTO orders SELECT n, CASE WHEN n % 200 = 7 THEN 'new' ELSE 'done' END, n % 500 FROM generate_series(1, 20000) n;
CREATE TABLE events (at timestamp, user_id int) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO events SELECT timestamp '2026-01-01' + n * interval '9 minutes', n % 300 FROM generate_series(1, 9000) n;
CREATE INDEX ON orders (status);
ANALYZE;
"""
STATEMENTS = (
    "SELECT * FROM orders WHERE status = $1",
    "SELECT * FROM events WHERE at > $1",
    "SELECT * FROM events WHERE at BETWEEN $1 AND $2 AND user_id = $3",
    "SELECT * FROM orders WHERE tenant_id = (SELECT max(tenant_id) FROM orders WHERE id = $1) AND status = $2",
)


def test_an_old_target(fresh_old_db):
    with psycopg.connect(fresh_old_db, autocommit=True) as session:
        session.execute(SHOP)
        facts = read_image(session).facts()
        for sql in STATEMENTS:
            generic = explain_generic(session, sql)
            drawn = draw(WorkloadStatement(sql), generic, facts, lambda text: explain_generic(session, text))
            assert sum(each.weight for each in drawn) == pytest.approx(1.0)
            assert all("$" not in each.sql and "average" not in each.values for each in drawn)


def test_the_lab(fresh_db, binaries):
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SHOP)
        image = read_image(session)
        with Lab.build(image, binaries) as lab:
            for sql in STATEMENTS:
                there = draw(
                    WorkloadStatement(sql),
                    explain_generic(session, sql),
                    image.facts(),
                    lambda text: explain_generic(session, text),
                )
                here = draw(WorkloadStatement(sql), lab.plan(sql), image.facts(), lab.plan)
                assert [(each.sql, each.weight) for each in here] == [(each.sql, each.weight) for each in there]


def test_measured_rows_are_taken_from_the_picture():
    def row(user: int, calls: int, rows: float) -> QueryRow:
        text = "SELECT * FROM t WHERE a = $1"
        times = (10.0, 1.0, None, None, None)
        return QueryRow(StatementKey(user, 5, 77), text, "app", "shop", calls, *times, rows, None, 0.0, 0.0, 0.1, 50)

    (statement,) = from_rows([row(1, 10, 4.0), row(2, 30, 8.0)])
    assert statement.rows_per_call == pytest.approx(7.0)
    assert WorkloadStatement("SELECT 1").rows_per_call is None
