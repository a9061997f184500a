"""Rules about settings on facts that are written down: what each needs to see before it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from optischema_tui.core.findings.settings.facts import Facts, Holder, Overdue, Own, Setting, Span, Statement
from optischema_tui.core.findings.settings.registry import RULES
from optischema_tui.core.findings.settings.saying import SYSTEM, Scope, concentrated, written
from optischema_tui.core.models import Finding
from optischema_tui.core.policy.settings import by_name, never, problem

UNITS = {
    "work_mem": "kB", "maintenance_work_mem": "kB", "max_wal_size": "MB", "shared_buffers": "8kB", "block_size": "",
    "effective_cache_size": "8kB", "checkpoint_timeout": "s", "idle_in_transaction_session_timeout": "ms",
    "statement_timeout": "ms", "autovacuum_vacuum_cost_delay": "ms",
}  # fmt: skip
SANE = {
    "work_mem": "65536", "maintenance_work_mem": "65536", "max_wal_size": "4096", "shared_buffers": "131072",
    "effective_cache_size": "524288", "block_size": "8192", "checkpoint_timeout": "300", "autovacuum": "on",
    "checkpoint_completion_target": "0.9", "jit": "on", "track_io_timing": "on", "wal_compression": "off",
    "random_page_cost": "1.1", "seq_page_cost": "1", "max_parallel_workers": "8", "max_worker_processes": "8",
    "max_connections": "100", "superuser_reserved_connections": "3", "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0", "autovacuum_vacuum_cost_limit": "-1", "vacuum_cost_limit": "200",
}  # fmt: skip
RESTART = {"shared_buffers", "max_worker_processes", "max_connections"}
APP = Statement(1, "app", "shop", 100_000, 50_000.0, max_ms=20.0, rows=100_000, shared_blks=400_000, text="SELECT 1")


def settings(changed: Mapping[str, str]) -> dict[str, Setting]:
    return {
        name: Setting(
            name,
            value,
            UNITS.get(name, ""),
            "postmaster" if name in RESTART else "sighup",
            choices=("pglz", "lz4", "on", "off") if name == "wal_compression" else (),
        )
        for name, value in (SANE | dict(changed)).items()
    }


def facts(*statements: Statement, **changed: str) -> Facts:
    return Facts("pg:1", "shop", settings(changed), statements=(APP, *statements), statement_hours=10.0)


def found(seen: Facts) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(seen)]


def only(seen: Facts) -> Finding:
    (finding,) = found(seen)
    return finding


BUILD = Statement(7, "owner", "shop", 2, 60_000.0, temp_blks=100_000, upkeep=True, text="CREATE INDEX")
COMPILED = Statement(8, "app", "shop", 1000, 90_000.0, jit_ms=80_000.0, rows=1000, text="SELECT")
RUNAWAY = Statement(9, "app", "shop", 5000, 50_000.0, max_ms=4_000_000.0, text="SELECT")
HELD = (Holder("app", "shop", 30.0, 4, 100.0), Holder("app", "shop", 1.0))
LATE = tuple(Overdue(f'"public"."t{n}"', 500_000, 100_000, 20_050.0, 2_000_000) for n in range(3))


def case_of_builds() -> Facts:
    return facts(BUILD)


def case_of_jit() -> Facts:
    return facts(COMPILED)


def case_of_pages() -> Facts:
    wal = {"timed": 20.0, "wal_bytes": 8e9, "wal_fpi": 8e5}
    return replace(facts(), checkpoints=Span(10.0, wal))


def case_of_timing() -> Facts:
    read = {"blks_read": 2e6, "blks_hit": 2e7}
    return replace(facts(track_io_timing="off"), blocks=Span(10.0, read))


def case_of_idle() -> Facts:
    return replace(facts(), holders=HELD)


def case_of_sleep() -> Facts:
    return replace(facts(), overdue=LATE, vacuums_running=3, vacuums_delayed=2.5)


def case_of_runaway() -> Facts:
    return facts(RUNAWAY)


CASES = [
    (case_of_builds, "maintenance_work_mem", "ALTER SYSTEM SET maintenance_work_mem = '1GB'"),
    (case_of_jit, "jit", "ALTER SYSTEM SET jit = 'off'"),
    (case_of_pages, "wal_compression", "ALTER SYSTEM SET wal_compression = 'lz4'"),
    (case_of_timing, "track_io_timing", "ALTER SYSTEM SET track_io_timing = 'on'"),
    (case_of_idle, "idle_in_transaction_session_timeout",
     "ALTER SYSTEM SET idle_in_transaction_session_timeout = '10min'"),
    (case_of_sleep, "autovacuum_vacuum_cost_limit", "ALTER SYSTEM SET autovacuum_vacuum_cost_limit = '1000'"),
    (case_of_runaway, "statement_timeout", "ALTER ROLE \"app\" SET statement_timeout = '5min'"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "setting", "sql"), CASES)
def test_the_cause_alone_is_named(case: object, setting: str, sql: str) -> None:
    assert callable(case)
    finding = only(case())
    assert finding.rule == f"setting.{setting}"
    assert finding.forward_sql == sql
    assert finding.inverse_sql == f"{sql.split(' SET ')[0]} RESET {setting}"
    assert finding.evidence
    assert finding.cost > 0 or setting == "track_io_timing"


@pytest.mark.parametrize(("case", "setting", "sql"), CASES)
def test_what_is_proposed_is_allowed_or_said_not_to_be(case: object, setting: str, sql: str) -> None:
    from optischema_tui.core.policy.settings import DEFAULT_ALLOWED

    assert callable(case)
    finding = only(case())
    value = sql.split("'")[1]
    refused = problem(by_name(DEFAULT_ALLOWED), setting, value, UNITS.get(setting, ""))
    assert not never(setting)
    assert bool(refused) == any(reason.code == "policy" for reason in finding.reasons)


def test_without_an_observation_nothing_is_said_of_any_value() -> None:
    odd = {"work_mem": "64", "max_wal_size": "32", "random_page_cost": "4", "shared_buffers": "1024",
           "effective_cache_size": "128", "track_io_timing": "off", "autovacuum": "off",
           "max_parallel_workers": "0"}  # fmt: skip
    assert found(facts(**odd)) == []


def test_sums_over_whole_tables_do_not_blame_the_planner() -> None:
    total = Statement(
        5, "app", "shop", 100, 60_000.0, rows=100, shared_blks=10**6, text="SELECT sum(x) FROM t WHERE y > 0"
    )
    looking = replace(total, text="SELECT x FROM t WHERE y = $1")
    slow = Span(10.0, {"blks_read": 1e6, "blks_hit": 9.9e7, "blk_read_ms": 1e5})
    assert found(replace(facts(total, random_page_cost="4"), blocks=slow)) == []
    assert only(replace(facts(looking, random_page_cost="4"), blocks=slow)).rule == "setting.random_page_cost"


def test_a_disk_that_reads_slowly_keeps_its_random_page_cost() -> None:
    looking = Statement(
        5, "app", "shop", 100, 60_000.0, rows=100, shared_blks=10**6, text="SELECT x FROM t WHERE y = 1"
    )
    slow = Span(10.0, {"blks_read": 1e6, "blks_hit": 9.9e7, "blk_read_ms": 8e6})
    assert found(replace(facts(looking, random_page_cost="4"), blocks=slow)) == []


def test_spills_that_no_safe_memory_holds_are_not_blamed_on_work_mem() -> None:
    huge = Statement(6, "app", "shop", 10, 600_000.0, temp_blks=10 * 2_000_000, text="SELECT")
    assert found(facts(huge)) == []


def test_a_spill_of_one_database_gets_a_value_of_that_database() -> None:
    spill = Statement(6, "app", "lake", 10, 60_000.0, temp_blks=20_000, text="SELECT")
    also = Statement(7, "bob", "lake", 10, 60_000.0, temp_blks=20_000, text="SELECT")
    finding = only(replace(facts(spill, also, work_mem="4096"), own=(Own("lake", "", "work_mem", "8MB"),)))
    assert finding.forward_sql == "ALTER DATABASE \"lake\" SET work_mem = '32MB'"
    assert finding.inverse_sql == "ALTER DATABASE \"lake\" SET work_mem = '8MB'"


def test_checkpoints_asked_for_by_a_person_do_not_count() -> None:
    """Forty CHECKPOINTs with a gigabyte between them all: far less than fills the log."""
    counts = {"timed": 10.0, "requested": 40.0, "wal_bytes": 1e9, "write_ms": 1e5}
    assert found(replace(facts(), checkpoints=Span(10.0, counts))) == []
    full = only(replace(facts(max_wal_size="64"), checkpoints=Span(10.0, counts)))
    assert (full.rule, full.forward_sql) == ("setting.max_wal_size", "ALTER SYSTEM SET max_wal_size = '128MB'")


def test_data_that_is_read_once_asks_for_no_cache() -> None:
    read = Span(10.0, {"blks_read": 2e6, "blks_hit": 1e6})
    assert found(replace(facts(), blocks=read, database_bytes=20 << 30)) == []
    again = replace(facts(), blocks=read, database_bytes=4 << 30)
    assert only(again).forward_sql == "ALTER SYSTEM SET shared_buffers = '4GB'"


def test_a_standby_is_told_nothing_of_checkpoints_and_vacuum() -> None:
    counts = {"requested": 40.0, "wal_bytes": 1e9}
    seen = replace(facts(max_wal_size="64"), checkpoints=Span(1.0, counts), overdue=LATE, in_recovery=True)
    assert found(seen) == []


def test_who_has_a_timeout_of_their_own_is_left_alone() -> None:
    own = (Own("", "app", "idle_in_transaction_session_timeout", "1h"), Own("", "app", "statement_timeout", "1h"))
    assert found(replace(facts(RUNAWAY), holders=HELD, own=own)) == []


def test_weights_name_the_narrowest_place() -> None:
    assert concentrated([("a", "x", 9.0), ("b", "x", 1.0)]) == Scope(role="a")
    assert concentrated([("a", "x", 5.0), ("b", "x", 4.0), ("c", "y", 0.0)]) == Scope(database="x")
    assert concentrated([("a", "x", 9.0)]) == SYSTEM
    assert concentrated([("a", "x", 0.0), ("b", "y", 0.0)]) == SYSTEM


def test_sizes_are_written_as_the_server_takes_them() -> None:
    assert [written(each) for each in (65536, 64 << 20, 2 << 30, 1536 << 20)] == ["64kB", "64MB", "2GB", "1536MB"]
