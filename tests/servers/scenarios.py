"""What is made to happen on a server of any version, and what the families must say of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from servers.reading import read, source_of

Until = Callable[..., Awaitable[Any]]
SAME = 1e-3
"""Seconds and milliseconds are compared up to this."""


@contextmanager
def connect(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A session that is just closed at the end, also in the middle of a query."""
    session = psycopg.connect(dsn, autocommit=True)
    try:
        yield session
    finally:
        session.close()


async def somebody_waits(dsn: str, until: Until) -> None:
    """A table held exclusively, one who waits for it, and one who waits behind."""
    async with source_of(dsn) as source:
        with connect(dsn) as holder, connect(dsn) as second, connect(dsn) as third:
            assert (await read(source, "locks")).rows == ()
            holder.execute('CREATE TABLE "held [x]" (a int)')
            holder.execute("BEGIN")
            holder.execute('LOCK "held [x]" IN ACCESS EXCLUSIVE MODE')
            second.execute("BEGIN")
            second.pgconn.send_query(b'LOCK "held [x]" IN ACCESS EXCLUSIVE MODE')
            await until(lambda: _pairs(source), what="the second waits")
            third.pgconn.send_query(b'SELECT * FROM "held [x]"')

            async def both() -> list[dict[str, Any]]:
                rows = (await read(source, "locks")).dicts()
                return rows if len({row["blocked_pid"] for row in rows}) == 2 else []

            rows = await until(both, what="the third waits")
            first, behind = holder.info.backend_pid, second.info.backend_pid
            told = {(row["blocked_pid"], row["blocking_pid"]): row for row in rows}
            assert told.keys() == {
                (behind, first), (third.info.backend_pid, first), (third.info.backend_pid, behind)
            }  # fmt: skip
            held = told[behind, first]
            assert (held["locktype"], held["mode"], held["blocking_mode"]) == (
                "relation", "AccessExclusiveLock", "AccessExclusiveLock",
            )  # fmt: skip
            assert (held["schema"], held["name"], held["blocking_granted"]) == ("public", "held [x]", True)
            assert told[third.info.backend_pid, behind]["blocking_granted"] is False
            if source.capabilities.server_version_num >= 140000:
                assert 0 <= held["waiting"] < 60
            holder.execute("ROLLBACK")


async def _pairs(source: Any) -> bool:
    return bool((await read(source, "locks")).rows)


async def an_index_is_built(dsn: str, until: Until) -> None:
    """CREATE INDEX CONCURRENTLY that has to wait for a writer."""
    async with source_of(dsn) as source:
        with connect(dsn) as writer, connect(dsn) as builder:
            assert (await read(source, "progress")).rows == ()
            writer.execute("CREATE TABLE slow (a int)")
            writer.execute("BEGIN")
            writer.execute("INSERT INTO slow VALUES (1)")
            builder.pgconn.send_query(b"CREATE INDEX CONCURRENTLY slow_a ON slow (a)")

            async def waiting() -> list[dict[str, Any]]:
                rows = (await read(source, "progress")).dicts()
                return rows if rows and rows[0]["total"] else []

            (row,) = await until(waiting, what="the build waits")
            assert row["pid"] == builder.info.backend_pid
            assert (row["command"], row["schema"], row["name"]) == ("CREATE INDEX CONCURRENTLY", "public", "slow")
            assert (row["phase"], row["unit"]) == ("waiting for writers before build", "lockers")
            assert (row["done"], row["total"]) == (0, 1)
            writer.execute("COMMIT")


def work(dsn: str) -> None:
    """Two tables with every kind of counter above 0, one of them with TOAST; and a partitioned one."""
    with connect(dsn) as session:
        session.execute("CREATE TABLE small (a int PRIMARY KEY, b int)")
        session.execute("CREATE TABLE large (a int PRIMARY KEY, b text)")
        session.execute("CREATE TABLE parts (a int) PARTITION BY LIST (a)")
        session.execute("ALTER TABLE large ALTER b SET STORAGE EXTERNAL")
        session.execute("INSERT INTO small SELECT n, n FROM generate_series(1, 500) n")
        session.execute("INSERT INTO large SELECT n, repeat('x', 9000) FROM generate_series(1, 300) n")
        session.execute("CREATE INDEX small_b ON small (b)")
        session.execute("VACUUM ANALYZE small, large")
        session.execute("UPDATE large SET a = a + 1000 WHERE a <= 10")
        session.execute("UPDATE small SET a = a WHERE a < 5")
        session.execute("DELETE FROM small WHERE a > 490")
        session.execute("SET enable_seqscan = off")
        for number in range(20):
            session.execute("SELECT b FROM small WHERE a = %s", (number,))
        session.execute("SELECT count(b) FROM large WHERE length(b) > 1")


async def relations_agree_with_the_views(dsn: str, until: Until) -> None:
    work(dsn)
    stat = "pg_stat_user_tables LEFT JOIN pg_statio_user_tables USING (relid, schemaname, relname)"
    await until(lambda: _scans(dsn) >= 20, what="the scans are counted")
    tables = await _agrees(dsn, "tables", f"SELECT * FROM {stat}", "relid")
    indexes = await _agrees(
        dsn,
        "indexes",
        "SELECT * FROM pg_stat_user_indexes JOIN pg_statio_user_indexes"
        " USING (relid, indexrelid, schemaname, relname, indexrelname)",
        "indexrelid",
    )
    by_name = {row["name"]: row for row in tables}
    assert tables[0]["name"] == "small"  # the text of the other is in its TOAST
    assert by_name["small"]["n_tup_del"] == 10
    assert by_name["small"]["indexes"] == 2
    assert by_name["large"]["toast_pages"] > 100
    assert by_name["large"]["toast_blks_hit"] > 100
    assert by_name["small"]["xid_age"] > 0
    assert by_name["parts"]["xid_age"] is None
    assert {row["name"]: (row["is_primary"], row["valid"], row["table"]) for row in indexes} == {
        "small_pkey": (True, True, "small"), "small_b": (False, True, "small"), "large_pkey": (True, True, "large"),
    }  # fmt: skip


def _scans(dsn: str) -> int:
    with connect(dsn) as session:
        row = session.execute("SELECT sum(idx_scan) FROM pg_stat_user_tables").fetchone()
    return int(row[0] or 0) if row else 0


async def _agrees(dsn: str, family: str, sql: str, key: str) -> list[dict[str, Any]]:
    """The family's rows, after every column that the server's view calls the same was found equal."""
    reading = await read(dsn, family)
    ours = reading.dicts()
    with psycopg.connect(dsn, autocommit=True, row_factory=psycopg.rows.dict_row) as session:
        theirs = {row[key]: row for row in session.execute(sql)}
    assert theirs
    # Before 14 the view leaves partitioned tables out.
    assert {row[key] for row in ours if row.get("kind") != "p" or row[key] in theirs} == theirs.keys()
    for row in ours:
        if row[key] in theirs:
            compare(row, theirs[row[key]], set(reading.lacking))
    return ours


def compare(row: dict[str, Any], theirs: dict[str, Any], lacking: set[str]) -> None:
    """Every column of the same name is equal; none that the view has is called lacking."""
    shared = row.keys() & theirs.keys()
    assert len(shared) >= 5
    assert not lacking & theirs.keys()
    for name in shared:
        expected = theirs[name]
        if expected is None and row.get("kind") == "p":
            continue  # the view of blocks leaves partitioned tables out
        if hasattr(expected, "timestamp"):
            expected = expected.timestamp()
        if isinstance(row[name], float):
            assert abs(row[name] - float(expected)) < SAME, name
        else:
            assert row[name] == expected, name
