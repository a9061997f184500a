from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from servers import scenarios
from servers.reading import BY_NAME, read, source_of
from servers.scenarios import connect

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.families import ALL
from optischema_tui.core.collect.families.question import fitting
from optischema_tui.core.collect.family import Source
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import Reading

Until = Callable[..., Awaitable[Any]]


@pytest.fixture
async def source(fresh_db: str) -> AsyncIterator[Source]:
    async with source_of(fresh_db) as connected:
        yield connected


async def everything(source: Source) -> dict[str, Reading]:
    return {family.name: await family.read(source) for family in ALL}


async def test_every_family_reads(source: Source) -> None:
    readings = await everything(source)
    assert len(readings) == len(ALL) == 12
    for name, reading in readings.items():
        assert reading.family == name
        assert reading.problem == ""
        assert reading.lacking == (("buffers_backend", "buffers_backend_fsync") if name == "checkpointer" else ())
        assert reading.epoch.startswith("epoch")
        assert abs(reading.server_clock - reading.taken_at) < 60
        assert all(len(row) == len(reading.columns) for row in reading.rows)
        values = {type(value) for row in reading.rows for value in row}
        assert values <= {int, float, str, bool, type(None)}
    filled = {name for name, reading in readings.items() if reading.rows}
    assert filled >= {"databases", "io", "wal", "checkpointer", "sizes", "settings"}


@pytest.mark.parametrize("database", ["fresh_db", "fresh_old_db"])
async def test_tables_and_indexes_agree_with_the_views(
    request: pytest.FixtureRequest, database: str, until_async: Until
) -> None:
    await scenarios.relations_agree_with_the_views(request.getfixturevalue(database), until_async)


@pytest.mark.parametrize("database", ["fresh_db", "fresh_old_db"])
async def test_who_waits_for_whom(request: pytest.FixtureRequest, database: str, until_async: Until) -> None:
    await scenarios.somebody_waits(request.getfixturevalue(database), until_async)


async def test_the_progress_of_a_build(fresh_db: str, until_async: Until) -> None:
    await scenarios.an_index_is_built(fresh_db, until_async)


async def test_a_row_lock_and_a_prepared_transaction(own_server: Cluster, until_async: Until) -> None:
    with connect(own_server.dsn()) as admin:
        admin.execute("ALTER SYSTEM SET max_prepared_transactions = 2")
    own_server.restart()
    dsn = own_server.dsn()
    with connect(dsn) as gone, connect(dsn) as waiter:
        gone.execute("CREATE TABLE t AS SELECT 1 AS a")
        gone.execute("BEGIN")
        gone.execute("UPDATE t SET a = 2")
        gone.execute("PREPARE TRANSACTION 'left behind'")
        waiter.pgconn.send_query(b"UPDATE t SET a = 3")
        async with source_of(dsn) as source:

            async def waiting() -> list[dict[str, Any]]:
                return (await read(source, "locks")).dicts()

            (row,) = await until_async(waiting)
            assert (row["blocked_pid"], row["blocking_pid"]) == (waiter.info.backend_pid, 0)
            assert (row["locktype"], row["blocking_mode"], row["blocking_granted"]) == (
                "transactionid", "ExclusiveLock", True,
            )  # fmt: skip
        gone.execute("ROLLBACK PREPARED 'left behind'")


async def test_sizes_are_those_of_the_server(source: Source, fresh_db: str) -> None:
    scenarios.work(fresh_db)
    with connect(fresh_db) as session:
        sizes = dict(
            session.execute("SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'").fetchall()
        )
        row = session.execute("SELECT pg_database_size(current_database()), pg_relation_size('large')").fetchone()
    assert row is not None
    rows = {(each["what"], each["name"]): each for each in (await read(source, "sizes")).dicts()}
    large = rows["table", "large"]
    assert large["total_bytes"] == sizes["large"]
    assert large["toast_bytes"] > 9000 * 300
    assert large["table_bytes"] >= row[1]
    assert large["table_bytes"] + large["index_bytes"] + large["toast_bytes"] == large["total_bytes"]
    assert rows["table", "small"]["total_bytes"] == sizes["small"]
    assert rows["database", source.identity.database]["total_bytes"] == row[0]


@pytest.mark.parametrize("held", ["LOCK TABLE small IN ACCESS EXCLUSIVE MODE", "REINDEX INDEX small_b"])
async def test_a_locked_table_does_not_lose_the_other_sizes(source: Source, fresh_db: str, held: str) -> None:
    scenarios.work(fresh_db)
    with connect(fresh_db) as holder:
        holder.execute("BEGIN")
        holder.execute(held)
        rows = {each["name"]: each for each in (await read(source, "sizes")).dicts() if each["what"] == "table"}
        assert (rows["small"]["locked"], rows["small"]["total_bytes"]) == (True, None)
        assert (rows["large"]["locked"], rows["large"]["total_bytes"] > 0) == (False, True)
        holder.execute("ROLLBACK")


async def test_the_heaviest_come_first_and_the_rest_is_counted(source: Source, fresh_db: str) -> None:
    with connect(fresh_db) as session:
        session.execute(
            "DO $$ BEGIN FOR n IN 1..1005 LOOP EXECUTE 'CREATE TABLE t' || n || ' (a int)'; END LOOP; END $$"
        )
        session.execute("INSERT INTO t1005 SELECT generate_series(1, 1000)")
        session.execute("ANALYZE t1005")
        session.execute("CREATE TEMP TABLE passing (a int)")
        tables, sizes = await read(source, "tables"), await read(source, "sizes")
    assert tables.dicts()[0]["name"] == "t1005"
    assert (len(tables.rows), tables.left_out) == (1000, 5)
    measured = [each for each in sizes.dicts() if each["what"] == "table"]
    assert (len(measured), sizes.left_out) == (200, 805)
    assert measured[0]["name"] == "t1005"


async def test_a_reset_is_a_new_epoch_of_what_was_reset(own_server: Cluster) -> None:
    dsn = own_server.dsn()
    with connect(dsn) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        async with source_of(dsn) as source:
            before = await everything(source)
            again = await everything(source)
            assert {name: reading.epoch for name, reading in again.items()} == {
                name: reading.epoch for name, reading in before.items()
            }

            async def moved(sql: str) -> set[str]:
                known = await everything(source)
                admin.execute(sql)
                now = await everything(source)
                return {name for name, reading in now.items() if reading.epoch != known[name].epoch}

            admin.execute("CREATE TABLE t ()")
            assert await moved("SELECT pg_stat_reset()") == {"databases", "tables", "indexes"}
            assert await moved("SELECT pg_stat_reset_single_table_counters('t'::regclass)") == {
                "databases", "tables", "indexes",
            }  # fmt: skip
            assert await moved("SELECT pg_stat_reset_shared('io')") == {"io", "wal"}
            assert await moved("SELECT pg_stat_reset_shared('wal')") == {"wal"}
            for part in ("bgwriter", "checkpointer", "archiver"):
                assert await moved(f"SELECT pg_stat_reset_shared('{part}')") == {"checkpointer"}


async def test_what_is_forbidden_is_named_with_its_grant(fresh_db: str) -> None:
    role = "plain_of_families"
    with connect(fresh_db) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN")
        admin.execute("REVOKE SELECT ON pg_catalog.pg_stat_io, pg_catalog.pg_stat_replication_slots FROM PUBLIC")
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_stat_get_lastscan(oid) FROM PUBLIC")
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() FROM PUBLIC")
        admin.execute("CREATE TABLE t (a int PRIMARY KEY)")
    try:
        async with source_of(fresh_db.replace("user=postgres", f"user={role}")) as source:
            io = await read(source, "io")
            assert io.rows == ()
            grant = f'GRANT SELECT ON pg_catalog.pg_stat_io TO "{role}";'
            assert io.problem == f"pg_stat_io may not be read. To enable it: {grant}"
            tables, indexes = await read(source, "tables"), await read(source, "indexes")
            assert (tables.lacking, len(tables.rows)) == (("last_seq_scan",), 1)
            assert (indexes.lacking, indexes.dicts()[0]["last_idx_scan"]) == (("last_idx_scan",), None)
            with pytest.raises(OptischemaError, match="pg_current_wal_lsn"):
                await read(source, "wal")
            assert not source.observer.closed
            assert (await read(source, "databases")).rows
    finally:
        with connect(fresh_db) as admin:
            admin.execute(f"DROP ROLE {role}")


async def test_a_database_that_may_not_be_entered_has_no_size(fresh_db: str) -> None:
    role, database = "plain_of_sizes", fresh_db.rpartition("dbname=")[2]
    with connect(fresh_db) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN")
        admin.execute(f"CREATE DATABASE closed_{database}")
        admin.execute(f"REVOKE CONNECT ON DATABASE closed_{database} FROM PUBLIC")
    try:
        rows = (await read(fresh_db.replace("user=postgres", f"user={role}"), "sizes")).dicts()
        sizes = {row["name"]: row["total_bytes"] for row in rows if row["what"] == "database"}
        assert sizes[f"closed_{database}"] is None
        assert sizes[database] > 1_000_000
    finally:
        with connect(fresh_db) as admin:
            admin.execute(f"DROP DATABASE closed_{database}")
            admin.execute(f"DROP ROLE {role}")


async def test_databases_that_may_not_be_measured_do_not_lose_the_tables(fresh_db: str) -> None:
    role = "plain_of_measures"
    with connect(fresh_db) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN")
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_database_size(oid) FROM PUBLIC")
        admin.execute("CREATE TABLE t AS SELECT 1 AS a")
        try:
            reading = await read(fresh_db.replace("user=postgres", f"user={role}"), "sizes")
            assert reading.lacking == ("sizes of databases",)
            assert [(row["what"], row["name"], row["total_bytes"]) for row in reading.dicts()] == [("table", "t", 8192)]
        finally:
            admin.execute(f"DROP ROLE {role}")


async def test_who_may_not_see_sessions_still_sees_who_waits(fresh_db: str, until_async: Until) -> None:
    role = "plain_of_locks"
    with connect(fresh_db) as holder, connect(fresh_db) as waiter:
        holder.execute(f"CREATE ROLE {role} LOGIN")
        try:
            holder.execute("CREATE TABLE t (a int)")
            async with source_of(fresh_db.replace("user=postgres", f"user={role}")) as source:
                holder.execute("BEGIN")
                holder.execute("LOCK t")
                waiter.pgconn.send_query(b"SELECT * FROM t")

                async def waiting() -> list[dict[str, Any]]:
                    return (await read(source, "locks")).dicts()

                (row,) = await until_async(waiting)
                holder.execute("ROLLBACK")
            assert (row["blocked_pid"], row["blocking_pid"]) == (waiter.info.backend_pid, holder.info.backend_pid)
            assert (row["name"], row["mode"]) == ("t", "AccessShareLock")
        finally:
            holder.execute(f"DROP ROLE {role}")


async def test_settings_tell_their_source_and_no_secret(own_server: Cluster) -> None:
    with connect(own_server.dsn()) as admin:
        admin.execute("ALTER SYSTEM SET primary_conninfo = 'host=x password=hunter2'")
        admin.execute("ALTER SYSTEM SET archive_command = 'push --token hunter2'")
        admin.execute("ALTER SYSTEM SET cluster_name = 'https://app:hunter2@db/'")
        admin.execute("ALTER SYSTEM SET max_connections = 77")
        admin.execute("ALTER SYSTEM SET temp_buffers = '5MB'")
        admin.execute("ALTER ROLE postgres SET statement_timeout = '7s'")
        admin.execute("SELECT pg_reload_conf()")
    own_server.restart()
    with connect(own_server.dsn()) as admin:
        admin.execute("ALTER SYSTEM SET max_connections = 88")
        admin.execute("SELECT pg_reload_conf()")
    reading = await read(own_server.dsn(), "settings")
    rows = {row["name"]: row for row in reading.dicts()}
    assert "hunter2" not in json.dumps(reading.rows)
    assert rows["primary_conninfo"]["setting"] == rows["archive_command"]["setting"] == "(set)"
    buffers = rows["temp_buffers"]
    assert (buffers["setting"], buffers["unit"], buffers["source"]) == ("640", "8kB", "configuration file")
    assert buffers["sourcefile"].endswith("postgresql.auto.conf")
    assert (rows["max_connections"]["setting"], rows["max_connections"]["pending_restart"]) == ("77", True)
    assert reading.dicts()[0]["name"] == "max_connections"
    # Our own session has set a statement_timeout; what others get is told.
    assert (rows["statement_timeout"]["setting"], rows["statement_timeout"]["source"]) == ("7000", None)
    assert (rows["lock_timeout"]["setting"], rows["lock_timeout"]["source"]) == ("0", "default")
    assert rows["random_page_cost"]["source"] == "default"
    assert "application_name" not in rows


async def test_names_come_in_any_bytes(own_server: Cluster) -> None:
    with connect(own_server.dsn()) as admin:
        admin.execute("CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        admin.execute("CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with psycopg.connect(own_server.dsn("raw"), autocommit=True, client_encoding="SQL_ASCII") as session:
        session.execute(b'CREATE TABLE "caf\xe9" (a int)')
        session.execute(b'CREATE DATABASE "b\xe9" TEMPLATE template0')
    with connect(own_server.dsn("old")) as session:
        session.execute('CREATE TABLE "café" (a int)')
    for database, name in (("raw", "caf\ufffd"), ("old", "café")):
        async with source_of(own_server.dsn(database)) as source:
            assert [row["name"] for row in (await read(source, "tables")).dicts()] == [name]
            await everything(source)
    hostile = 'h\x1b[31m"[/x]\u202e'
    with connect(own_server.dsn()) as session:
        session.execute(psycopg.sql.SQL("CREATE TABLE {} (a int)").format(psycopg.sql.Identifier(hostile)))
    async with source_of(own_server.dsn()) as source:
        readings = await everything(source)
    assert [row["name"] for row in readings["tables"].dicts()] == [hostile]
    assert "b\ufffd" in {row["datname"] for row in readings["databases"].dicts()}


async def test_no_query_of_ours_is_without_the_mark_or_the_schema(source: Source, fresh_db: str) -> None:
    await everything(source)
    with connect(fresh_db) as session:
        own = session.execute(
            "SELECT query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
            " WHERE datname = current_database() AND query LIKE '%pg_%' AND query LIKE 'SELECT /* optischema-tui */%'"
        ).fetchall()
    assert len(own) >= len(ALL)


def test_blocks_are_kept_by_what_the_server_has() -> None:
    sql = "a\n-- if v\nb\n-- end\n-- if not v and w\nc\n-- end\n-- if v.x\nd\n-- end\n-- told\ne"
    assert fitting(sql, {}) == "a\ne"
    assert fitting(sql, {"w": frozenset()}) == "a\nc\ne"
    assert fitting(sql, {"v": frozenset({"x"}), "w": frozenset()}) == "a\nb\nd\ne"


def test_names_and_rhythms_are_sane() -> None:
    assert len(BY_NAME) == len(ALL)
    for family in ALL:
        assert family.timeout < family.interval
        assert family.interval >= 5
