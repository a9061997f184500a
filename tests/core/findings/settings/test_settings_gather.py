"""What the facts about settings are made of: another version, a role without rights, and history's earlier counters."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.findings.settings.facts import Holder
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.findings_settings import Stored, facts_of, gather_settings
from optischema_tui.core.models import Reading, StatementKey, WindowStats
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.hygiene.settings import Seen, read_settings
from optischema_tui.core.target.spec import TargetSpec

NOW = 1_800_000_000.0
HOUR = 3600.0
MOMENT = {"now": 5000.0 + 40 * HOUR, "started": 5000.0, "database": "shop", "in_recovery": False, "sees_files": False}
CHECKPOINTS = {"timed": 90.0, "requested": 50.0, "write_ms": 9e5, "sync_ms": 1e3, "wal_bytes": 9e9, "wal_fpi": 9e5,
               "reset": 5000.0, "wal_reset": 5000.0}  # fmt: skip
BLOCKS = {"name": "block_size", "value": "8192", "boot_value": "8192", "unit": "", "context": "internal",
          "source": "default", "choices": [], "pending_restart": False}  # fmt: skip
DATABASE = {"datid": 7, "sessions": 3, "blks_read": 5000, "blks_hit": 9000, "blk_read_ms": 100.0, "bytes": 1 << 20,
            "reset": 6000.0}  # fmt: skip
STATEMENT = {"queryid": 11, "userid": 10, "dbid": 7, "role": "app", "database": "shop", "calls": 1000, "exec_ms": 5e5,
             "max_ms": 900.0, "rows": 10, "shared_blks": 100, "blks_read": 50, "temp_blks": 40_000,
             "temp_ms": 400.0, "jit_ms": 0.0, "workers_planned": 0,
             "workers_launched": 0, "text": "SELECT"}  # fmt: skip
SEEN = Seen(MOMENT, [BLOCKS], CHECKPOINTS, [DATABASE], statements=[STATEMENT], statements_reset=5000.0)


def spec_for(dsn: str) -> TargetSpec:
    return TargetSpec("test", tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items())))


def reading(family: str, ago: float, **row: float) -> Reading:
    at = NOW - ago
    return Reading(family, at, at, at, tuple(row), (tuple(row.values()),))


def past_of_databases(ago: float, read: int, reset: float) -> Reading:
    return reading(
        "databases", ago, datid=7, numbackends=60, blks_read=read, blks_hit=4000, blk_read_time=20.0, stats_reset=reset
    )


def test_only_what_came_after_the_oldest_reading_of_the_same_reset_counts() -> None:
    stored = Stored(
        databases=(past_of_databases(4 * HOUR, 10, 5500.0), past_of_databases(2 * HOUR, 2000, 6000.0)), now=NOW
    )
    facts = facts_of("pg:1", SEEN, stored)
    assert facts.blocks.hours == pytest.approx(2.0)
    assert facts.blocks.counts == {"blks_read": 3000.0, "blks_hit": 5000.0, "blk_read_ms": 80.0}
    assert facts.most_connections == 60


def test_a_reading_with_more_than_now_is_of_before_a_crash() -> None:
    facts = facts_of("pg:1", SEEN, Stored(databases=(past_of_databases(2 * HOUR, 9999, 6000.0),), now=NOW))
    assert facts.blocks.count("blks_read") == 5000.0
    assert facts.blocks.hours == pytest.approx(40 - 1000 / HOUR)


def test_wal_that_counts_from_another_moment_is_not_compared_with_checkpoints() -> None:
    checkpoints = reading(
        "checkpointer", HOUR, num_timed=88, num_requested=40, write_time=8e5, sync_time=9e2, checkpointer_reset=5000.0
    )
    facts = facts_of("pg:1", SEEN, Stored(checkpointer=(checkpoints,), now=NOW))
    assert facts.checkpoints.count("requested") == 10.0
    assert "wal_bytes" not in facts.checkpoints.counts
    wal = reading("wal", HOUR, wal_bytes=8e9, wal_fpi=8e5, stats_reset=5000.0)
    both = facts_of("pg:1", SEEN, Stored(checkpointer=(checkpoints,), wal=(wal,), now=NOW))
    assert both.checkpoints.count("wal_bytes") == 1e9


def test_a_statement_that_did_not_run_of_late_is_not_there() -> None:
    window = WindowStats(StatementKey(10, 7, 11), "SELECT", 100, 7e4, 1, 10, 300)
    other = replace(window, key=StatementKey(10, 7, 12))
    assert facts_of("pg:1", SEEN, Stored(window=(other,), hours=5.0, now=NOW)).statements == ()
    (one,) = facts_of("pg:1", SEEN, Stored(window=(window,), hours=5.0, now=NOW)).statements
    assert (one.calls, one.exec_ms, one.temp_blks, one.temp_ms) == (100, 7e4, 300, 40.0)
    (whole,) = facts_of("pg:1", SEEN, Stored(window=(window,), hours=0.5, now=NOW)).statements
    assert (whole.calls, whole.temp_blks) == (1000, 40_000)


def test_history_is_read_where_it_is(fresh_db: str, tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    paths = Paths(tmp_path / "config.toml", tmp_path)
    history = History.open(paths.history_db, clock=clock)
    history.save_reading("pg:1", past_of_databases(2 * HOUR, 10, 5500.0))
    history.close()
    assert gather_settings(paths, spec_for(fresh_db), "pg:1", clock=clock).most_connections == 60


def test_a_version_with_other_columns_and_a_role_without_rights(fresh_old_db: str) -> None:
    with psycopg.connect(fresh_old_db, autocommit=True) as session:
        session.execute("DROP ROLE IF EXISTS plain_reader")
        session.execute("CREATE ROLE plain_reader LOGIN")
        session.execute("ALTER ROLE plain_reader SET work_mem = '3MB'")
    try:
        everything = facts_of("pg:1", read_settings(spec_for(fresh_old_db)), Stored(now=NOW))
        little = facts_of("pg:1", read_settings(spec_for(f"{fresh_old_db} user=plain_reader")), Stored(now=NOW))
    finally:
        with psycopg.connect(fresh_old_db, autocommit=True) as session:
            session.execute("DROP ROLE plain_reader")
    assert everything.statements
    assert little.statements == ()
    assert everything.settings["work_mem"].auto is None
    assert little.number("work_mem") == everything.number("work_mem") == 4 << 20
    assert ("plain_reader", "work_mem") in {(own.role, own.name) for own in little.own}
    assert everything.unlimited("statement_timeout")
    assert everything.checkpoints.count("wal_bytes") > 0


def test_who_sits_in_a_transaction_and_who_waits_is_seen(fresh_db: str, until: Callable[..., object]) -> None:
    with psycopg.connect(fresh_db) as holder, psycopg.connect(fresh_db, autocommit=True) as waiter:
        holder.execute("CREATE TABLE held ()")
        holder.commit()
        holder.execute("LOCK held")
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(waiter.execute, "LOCK TABLE held IN ACCESS SHARE MODE; SELECT 1")

            def blocked() -> list[Holder]:
                facts = facts_of("pg:1", read_settings(spec_for(fresh_db)), Stored(now=NOW))
                return [each for each in facts.holders if each.blocked and each.database == holder.info.dbname]

            until(blocked)
            (one,) = blocked()
            holder.rollback()
            waits.result()
    assert (one.role, one.blocked) == ("postgres", 1)
    assert one.blocked_seconds > 0
