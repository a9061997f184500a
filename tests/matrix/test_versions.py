"""Every query family on PostgreSQL 13 to 18: `make test-matrix`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from servers import scenarios
from servers.reading import read, source_of
from servers.scenarios import compare, connect

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.families import ALL
from optischema_tui.core.models import Reading

pytestmark = pytest.mark.deep
Until = Callable[..., Awaitable[Any]]

LACKING = {
    "databases": {
        13: "session_time active_time idle_in_transaction_time sessions sessions_abandoned sessions_fatal"
        " sessions_killed",
        17: "parallel_workers_to_launch parallel_workers_launched",
    },
    "io": {},
    "wal": {
        13: "wal_records wal_fpi wal_bytes wal_buffers_full wal_write wal_write_time wal_sync wal_sync_time"
        " stats_reset",
        15: "io_reset",
    },
    "checkpointer": {
        16: "restartpoints_timed restartpoints_req restartpoints_done checkpointer_reset",
        17: "num_done slru_written",
    },
    "tables": {
        15: "last_seq_scan n_tup_newpage_upd",
        17: "total_vacuum_time total_autovacuum_time total_analyze_time total_autoanalyze_time",
    },
    "indexes": {15: "last_idx_scan"},
    "slots": {
        13: "two_phase spill_txns spill_count spill_bytes stream_txns stream_count stream_bytes total_txns total_bytes"
        " stats_reset",
        15: "conflicting",
        16: "inactive_since invalidation_reason failover synced",
    },
    "locks": {13: "waiting"},
}
"""Columns that servers up to that version lack."""
GONE = {"checkpointer": {17: "buffers_backend buffers_backend_fsync"}}
"""Columns that servers from that version on lack."""


def lacking(family: str, major: int) -> set[str]:
    names = [names for last, names in LACKING.get(family, {}).items() if major <= last]
    names += [names for first, names in GONE.get(family, {}).items() if major >= first]
    return set(" ".join(names).split())


@pytest.mark.parametrize("role", ["postgres", "matrix_monitor", "matrix_nobody"])
async def test_every_family_reads_or_says_why(version: Cluster, major: int, role: str) -> None:
    async with source_of(version.dsn(user=role)) as source:
        for family in ALL:
            reading = await family.read(source)
            assert reading.family == family.name
            if family.name == "io" and major < 16:
                assert reading.problem.startswith("pg_stat_io comes with PostgreSQL 16; this server is")
                continue
            assert reading.problem == ""
            assert set(reading.lacking) == lacking(family.name, major), family.name
            assert all(row[reading.columns.index(name)] is None for name in reading.lacking for row in reading.rows)
            assert abs(reading.server_clock - reading.taken_at) < 60
            assert reading.rows or family.name in ("tables", "indexes", "replication", "slots", "progress", "locks")


async def test_tables_and_indexes_agree_with_the_views(database: str, until_async: Until) -> None:
    await scenarios.relations_agree_with_the_views(database, until_async)


async def test_the_whole_servers_counters_agree_with_the_views(version: Cluster, major: int) -> None:
    dsn = version.dsn()
    scenarios.work(dsn)
    with connect(dsn) as admin:
        admin.execute("CHECKPOINT")
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as session:

        def theirs(sql: str) -> dict[str, Any]:
            row = session.execute(sql).fetchone()
            assert row is not None
            return row

        async def ours(family: str) -> tuple[Reading, list[dict[str, Any]]]:
            reading = await read(dsn, family)
            return reading, reading.dicts()

        shown = theirs("SELECT * FROM pg_stat_database WHERE datname = 'template1'")
        reading, rows = await ours("databases")
        compare(next(row for row in rows if row["datname"] == "template1"), shown, set(reading.lacking))
        reading, (row,) = await ours("checkpointer")
        assert row["num_requested"] >= 1
        assert row["buffers_written"] > 0
        assert row["buffers_alloc"] > 0
        if major >= 17:
            compare(row, theirs("SELECT * FROM pg_stat_checkpointer"), set(reading.lacking))
        else:
            assert row["num_requested"] == theirs("SELECT checkpoints_req AS n FROM pg_stat_bgwriter")["n"]
        reading, (row,) = await ours("wal")
        assert row["position"] > 1_000_000
        assert row["in_recovery"] is False
        if major >= 14:
            assert row["wal_bytes"] > 100_000
            assert row["wal_write"] > 0
        if major >= 16:
            _, rows = await ours("io")
            assert {"client backend", "checkpointer"} <= {row["backend_type"] for row in rows}
            written = [row for row in rows if row["object"] == "relation" and row["writes"]]
            assert written
            assert all(row["write_bytes"] >= 8192 * row["writes"] for row in written)


async def test_slots_and_what_they_hold_back(version: Cluster, major: int) -> None:
    with connect(version.dsn()) as admin:
        admin.execute("SELECT pg_create_physical_replication_slot('matrix_physical', true)")
        admin.execute("SELECT pg_create_logical_replication_slot('matrix_logical', 'pgoutput')")
        admin.execute("CREATE TABLE wal_of_slots AS SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n")
        try:
            rows = {row["slot_name"]: row for row in (await read(version.dsn(), "slots")).dicts()}
            physical, logical = rows["matrix_physical"], rows["matrix_logical"]
            assert physical["retained_bytes"] > 500_000
            assert (physical["slot_type"], physical["active"], physical["wal_status"]) == (
                "physical",
                False,
                "reserved",
            )
            assert (logical["plugin"], logical["database"]) == ("pgoutput", "postgres")
            assert logical["unconfirmed_bytes"] > 500_000
            assert logical["catalog_xmin_age"] >= 1
            assert (logical["total_bytes"] is None) == (major < 14)
        finally:
            for name in ("matrix_physical", "matrix_logical"):
                admin.execute("SELECT pg_drop_replication_slot(%s)", (name,))


async def test_who_waits_for_whom(database: str, until_async: Until) -> None:
    await scenarios.somebody_waits(database, until_async)


async def test_the_progress_of_a_build(database: str, until_async: Until) -> None:
    await scenarios.an_index_is_built(database, until_async)
