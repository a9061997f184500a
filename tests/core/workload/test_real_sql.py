"""Statements made by chance on a real server: each queryid that it counts is accounted for in the picture."""

from __future__ import annotations

import psycopg
from psycopg import sql

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.collect.tick import Notices, Ticks, find_server_query
from optischema_tui.core.config import Config
from optischema_tui.core.models import Snapshot, StatementKey, StatementText
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.workload.delta import deltas
from optischema_tui.core.workload.filter import OTHER_DATABASE, REASONS
from optischema_tui.core.workload.fingerprint import fingerprint
from optischema_tui.core.workload.picture import build_picture
from tests.core.workload.any_sql import Sql

TABLES = """
    CREATE TABLE users (id int PRIMARY KEY, a int, b text, x text);
    CREATE TABLE t1 (id int, a int, b text, x text);
    CREATE TABLE a (id int, a int, b text, x text);
    CREATE TABLE "Orders" (id int, a int, b text, x text)
"""


async def test_every_queryid_of_a_real_server_is_accounted_for(fresh_db: str) -> None:
    spec = resolve(fresh_db, Config())
    observer = await Observer.connect(spec)
    try:
        identity, capabilities = await probe(observer)
        ticks, query = Ticks(SYSTEM), await find_server_query(observer, capabilities.server_version_num)

        async def look() -> Snapshot:
            return await ticks.look(observer, identity, capabilities, Notices(), server_query=query)

        with psycopg.connect(fresh_db, autocommit=True) as session:
            session.execute(TABLES)
            before = await look()
            ran = run_some(session, 400)
            texts = server_texts(session)
        after = await look()
    finally:
        await observer.close()

    assert ran > 100
    interval = deltas(before, after)
    assert not interval.broken
    moved = {key for key in interval.statements if key.dbid == identity.database_oid}
    assert len(moved) > 60
    for shown in (frozenset[str](), frozenset(REASONS)):
        picture = build_picture(before, after, texts, (), shown, interval=interval)
        assert len(picture.rows) + sum(one.statements for one in picture.hidden) == len(after.statements)
        assert picture.statements == len(after.statements) + after.unreadable
        visible = sum(row.share for row in picture.rows if row.key.toplevel)
        assert abs(visible + sum(one.share for one in picture.hidden) + picture.rest_share - 1.0) < 1e-3
        if shown:
            assert {row.key for row in picture.rows} == {sample.key for sample in after.statements}
        else:
            elsewhere = sum(sample.key.dbid != identity.database_oid for sample in after.statements)
            hidden = {one.reason: one.statements for one in picture.hidden}
            assert hidden.get(OTHER_DATABASE, 0) == elsewhere
            assert hidden["maintenance"] >= 4  # what made the tables
    here = [text for key, text in texts.items() if key in moved]
    assert len({fingerprint(text.text) for text in here}) > 0.9 * len({text.text for text in here})


def run_some(session: psycopg.Connection, count: int) -> int:
    """How many of `count` statements the server took; most of what chance writes it refuses, after parsing it."""
    session.execute("SET statement_timeout = '1s'")
    ran = 0
    for seed in range(count):
        made = Sql(seed, seed)
        maker = (made.query, made.insert, made.update, made.delete)[seed % 4]
        for text in (
            maker(),
            f"SELECT {made.literal()}, a FROM users /* {seed} */ WHERE id IN (1, {seed})",
            "SHOW ALL",
        ):
            try:
                with session.transaction(force_rollback=True):
                    session.execute(sql.SQL(text))  # type: ignore[arg-type]
                ran += 1
            except psycopg.Error:
                pass  # not every statement is a valid one
    for columns in range(1, 80):
        session.execute(sql.SQL("SELECT {} FROM users").format(sql.SQL(", ").join([sql.SQL("a")] * columns)))
    return ran


def server_texts(session: psycopg.Connection) -> dict[StatementKey, StatementText]:
    rows = session.execute(
        "SELECT s.userid, s.dbid, s.queryid, s.toplevel, s.query, r.rolname, d.datname FROM pg_stat_statements s"
        " LEFT JOIN pg_roles r ON r.oid = s.userid LEFT JOIN pg_database d ON d.oid = s.dbid"
    ).fetchall()
    return {
        StatementKey(*row[:4]): StatementText(StatementKey(*row[:4]), row[4], role=row[5] or "", database=row[6] or "")
        for row in rows
    }


STATEMENTS = (
    "SELECT b FROM users WHERE id IN (1, 2, 3)",
    "SELECT b FROM users WHERE id = ANY (ARRAY[1, 2]) AND x LIKE 'a%' LIMIT 5",
    "SELECT u.b, count(*) FROM users u JOIN t1 o ON o.id = u.id AND o.a NOT IN (1, 2) GROUP BY 1 HAVING count(*) > 3",
    "INSERT INTO users VALUES (101, 1, 'x', NULL), (102, 2, 'y', NULL)",
    "UPDATE users SET a = a + 1, b = 'it''s' WHERE id BETWEEN 5 AND -3",
    "DELETE FROM users WHERE b = E'\\n' OR a IS NULL",
    "SELECT date '2020-01-01', interval '1 day', CAST('5' AS int), -1",
    "WITH x AS (SELECT a FROM t1 WHERE id < 10) SELECT sum(a) FILTER (WHERE a > 2) FROM x",
    "DO $$ BEGIN PERFORM 1; END $$",
    "SET work_mem = '5MB'",
    "EXPLAIN SELECT a FROM users WHERE id IN (1, 2)",
)


def run_all(dsn: str) -> dict[str, int]:
    """The queryid that each of STATEMENTS gets, by the fingerprint of the text that the server keeps; tables anew."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute('DROP TABLE IF EXISTS users, t1, a, "Orders"')
        session.execute(TABLES)
        session.execute(
            "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()"
        )
        for text in STATEMENTS:
            session.execute(sql.SQL(text))  # type: ignore[arg-type]
        here = [text for text in server_texts(session).values() if text.database == session.info.dbname]
    return {fingerprint(text.text): text.key.queryid for text in here}


def test_a_statement_keeps_its_fingerprint_where_the_queryid_changes(fresh_db: str, fresh_old_db: str) -> None:
    """Between versions, and when its tables are made anew, as by dump and restore."""
    new, old, restored = run_all(fresh_db), run_all(fresh_old_db), run_all(fresh_old_db)

    for text in STATEMENTS:
        ours = fingerprint(text)
        assert ours in new, text
        assert ours in old, text
        assert ours in restored, text
    same = [fingerprint(text) for text in STATEMENTS[:6]]  # on tables
    assert all(new[each] != old[each] != restored[each] for each in same)
