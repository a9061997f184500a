from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config
from optischema_tui.core.errors import PlanFailed, ServerLost
from optischema_tui.core.target.explain import check_plannable, explain_generic
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.session import open_session


@pytest.fixture(scope="module", params=["server", "old_server"])
def dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    """On PostgreSQL 18 (GENERIC_PLAN) and on 15 (a prepared statement). No test may change the table."""
    cluster: Cluster = request.getfixturevalue(request.param)
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE of_explain")
    found = cluster.dsn("of_explain")
    with psycopg.connect(found, autocommit=True) as admin:
        admin.execute("CREATE TABLE orders (id int PRIMARY KEY, customer int, placed date, note text, paid numeric)")
        admin.execute(
            "INSERT INTO orders SELECT n, n % 97, date '2024-01-01' + n % 300, 'n' || n, n"
            " FROM generate_series(1, 5000) n"
        )
        admin.execute("CREATE INDEX orders_customer ON orders (customer)")
        admin.execute("ANALYZE orders")
    yield found
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        admin.execute("DROP DATABASE of_explain WITH (FORCE)")


@pytest.fixture
def session(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with open_session(resolve(dsn, Config())) as connection:
        yield connection


@pytest.mark.parametrize(
    ("sql", "node"),
    [
        ("SELECT * FROM orders WHERE customer = $1", "Bitmap Heap Scan"),
        ("SELECT * FROM orders WHERE id = 3;", "Index Scan"),
        ("(SELECT count(*) FROM orders)", "Aggregate"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "Result"),
        ("INSERT INTO orders (id) VALUES ($1), ($2)", "ModifyTable"),
        ("UPDATE orders SET note = $1 WHERE id = $2", "ModifyTable"),
        ("DELETE FROM orders WHERE placed < date $1 - interval $2 day", "ModifyTable"),
        ("MERGE INTO orders o USING (SELECT 1 AS id) s ON o.id = s.id WHEN MATCHED THEN DELETE", "ModifyTable"),
        ("VALUES (1), (2)", "Values Scan"),
        ("SELECT extract($1 from placed), sum(case when customer = $2 then $3 else $4 end) FROM orders GROUP BY 1",
         "Aggregate"),
        ("SELECT count($1), concat(note, $2) FROM orders GROUP BY note", "Aggregate"),
        ("SELECT $1, coalesce($2, $3), jsonb_build_object($4, note, $5, id) FROM orders LIMIT $6", "Limit"),
        ("SELECT num_nonnulls($1, note, $2) FROM orders", "Seq Scan"),
        ("SELECT id FROM orders WHERE note IN ($1 /*, ... */)", "Seq Scan"),
    ],
)  # fmt: skip
def test_a_statement_is_planned_and_not_run(session: psycopg.Connection[Any], sql: str, node: str) -> None:
    plan = explain_generic(session, sql)
    assert plan.node_type == node
    assert plan.total_cost > 0
    assert session.execute("SELECT count(*), count(*) FILTER (WHERE note IS NULL) FROM orders").fetchone() == (5000, 0)
    assert session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert session.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "DROP TABLE orders",
        "VACUUM orders",
        "EXPLAIN ANALYZE DELETE FROM orders",
        "ANALYZE; SELECT 1",
        "SELECT 1; DROP TABLE orders",
        "SELECT $1; DROP TABLE orders; --",
        "SELECT E'a'\n'\\''; DROP TABLE orders; --'",
        "SELECT 1E'\\''; DROP TABLE orders; --'",
        "SELECT '\x00'",
        "SELECT * FROM absent WHERE a = $1",
        "SELECT [/x]",
        "SELECT 'unfinished",
        "SELECT customer FROM orders WHERE customer = $1 AND",
        "SELECT $1 + $2",
        "TABLE orders; ROLLBACK; DELETE FROM orders",
    ],
)
def test_anything_else_is_refused_in_a_sentence(session: psycopg.Connection[Any], sql: str) -> None:
    with pytest.raises(PlanFailed) as caught:
        explain_generic(session, sql)
    assert caught.value.sentence.endswith(".")
    assert session.execute("SELECT count(*) FROM orders").fetchone() == (5000,)
    assert explain_generic(session, "SELECT id FROM orders WHERE id = $1").node_type == "Index Only Scan"


def test_the_server_itself_refuses_several_statements(
    session: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optischema_tui.core.target.explain.check_plannable", lambda sql: sql)
    for sql in ("SELECT 1; COMMIT; SELECT 2", "SELECT $1; COMMIT; SELECT 2"):
        with pytest.raises(PlanFailed, match="multiple commands"):
            explain_generic(session, sql)


def test_a_session_that_reads_backslashes_as_escapes_plans_nothing(session: psycopg.Connection[Any]) -> None:
    session.execute("SET standard_conforming_strings = off")
    with pytest.raises(PlanFailed):
        explain_generic(session, "SELECT 1")


def test_a_text_too_long_is_refused_before_it_is_sent() -> None:
    with pytest.raises(PlanFailed, match="too long"):
        check_plannable("SELECT '" + "x" * 2_000_000 + "'")


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT $1"])
def test_a_broken_connection_is_a_lost_server(session: psycopg.Connection[Any], dsn: str, sql: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (session.info.backend_pid,))
    with pytest.raises(ServerLost):
        explain_generic(session, sql)
