"""One server set wrong in eight ways at once, and one set well under the same load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.findings.settings.facts import Facts
from optischema_tui.core.findings.settings.registry import RULES
from optischema_tui.core.jobs.findings_settings import gather_settings
from optischema_tui.core.models import Finding
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec

COMMON = {
    "fsync": "off",
    "synchronous_commit": "off",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "top",
    "track_io_timing": "on",
    "autovacuum_naptime": "1h",
    "jit": "off",
    "min_wal_size": "32MB",
    "random_page_cost": "4",
}
WRONG = COMMON | {
    "work_mem": "64kB",
    "max_wal_size": "32MB",
    "shared_buffers": "8MB",
    "effective_cache_size": "1MB",
    "autovacuum": "off",
    "max_parallel_workers": "0",
    "max_connections": "12",
}
WELL = COMMON | {
    "work_mem": "64MB",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "autovacuum": "on",
    "max_connections": "40",
    "random_page_cost": "1.1",
}
SESSIONS = 9


def load(cluster: Cluster, *, keys: bool) -> None:
    """The same work on both servers; the well-kept one has an index for its look-ups, and was vacuumed."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute("CREATE ROLE reporter LOGIN")
        session.execute("CREATE TABLE wide (k int, filler text)")
        session.execute("INSERT INTO wide SELECT i, repeat('x', 220) FROM generate_series(1, 150000) i")
        session.execute("CREATE TABLE small AS SELECT i FROM generate_series(1, 10000) i")
        session.execute("GRANT SELECT ON wide TO reporter")
        for _ in range(2):
            session.execute("UPDATE wide SET filler = filler")
        if keys:
            session.execute("CREATE INDEX ON wide (k)")
            session.execute("VACUUM wide")
        session.execute("ANALYZE wide")
        session.execute("SET max_parallel_workers_per_gather = 0")
        for k in range(60):
            session.execute("SELECT filler FROM wide WHERE k = %s", (k,))
        session.execute("SET max_parallel_workers_per_gather = 2")
        session.execute("SET min_parallel_table_scan_size = 0")
        session.execute("SET parallel_setup_cost = 0")
        for _ in range(50):
            session.execute("SELECT count(*) FROM small")
    with psycopg.connect(cluster.dsn(), user="reporter", autocommit=True) as session:
        session.execute("SET max_parallel_workers_per_gather = 0")
        for _ in range(6):
            session.execute("SELECT k FROM (SELECT k, filler FROM wide ORDER BY md5(k::text)) s OFFSET 149999")


def look(cluster: Cluster, folder: Path) -> Facts:
    paths = Paths(folder / "config.toml", folder)
    return gather_settings(paths, spec_of(cluster), "pg:test", clock=SYSTEM)


def spec_of(cluster: Cluster) -> TargetSpec:
    params = conninfo_to_dict(cluster.dsn())
    return TargetSpec("test", tuple(sorted((name, str(value)) for name, value in params.items())), allow_changes=True)


def found_in(facts: Facts) -> dict[str, Finding]:
    return {finding.rule: finding for rule in RULES for finding in rule(facts)}


@pytest.fixture(scope="module")
def wrong(binaries: Binaries) -> Iterator[Cluster]:
    with start_cluster(binaries, prefix="optischema-wrong-", settings=WRONG, initdb_args=["--no-sync"]) as cluster:
        load(cluster, keys=False)
        yield cluster


@pytest.fixture(scope="module")
def seen(wrong: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    with ExitStack() as sessions:
        for _ in range(SESSIONS):
            sessions.enter_context(psycopg.connect(wrong.dsn()))
        return found_in(look(wrong, tmp_path_factory.mktemp("wrong")))


@pytest.mark.parametrize(
    ("setting", "verdict", "start"),
    [
        ("work_mem", "spills to disk", 'ALTER ROLE "reporter" SET work_mem = \''),
        ("max_wal_size", "checkpoints too often", "ALTER SYSTEM SET max_wal_size = '"),
        ("shared_buffers", "cache too small", "ALTER SYSTEM SET shared_buffers = '32MB'"),
        ("random_page_cost", "dearer than measured", "ALTER SYSTEM SET random_page_cost = '1.1'"),
        ("effective_cache_size", "smaller than the cache", "ALTER SYSTEM SET effective_cache_size = '16MB'"),
        ("autovacuum", "off", "ALTER SYSTEM SET autovacuum = 'on'"),
        ("max_parallel_workers", "too few workers", "ALTER SYSTEM SET max_parallel_workers = '2'"),
        ("max_connections", "nearly full", ""),
    ],
)
def test_the_cause_is_named(seen: dict[str, Finding], setting: str, verdict: str, start: str) -> None:
    finding = seen[f"setting.{setting}"]
    assert finding.verdict == verdict
    assert finding.forward_sql.startswith(start)
    assert finding.evidence
    if start:
        assert finding.inverse_sql == start.split(" SET ")[0] + f" RESET {setting}"
        codes = {reason.code for reason in finding.reasons}
        assert "safe_range" in codes
        assert ("restart" in codes) == (setting == "shared_buffers")
        assert finding.cost > 0


def test_nothing_else_is_said(seen: dict[str, Finding]) -> None:
    expected = ("work_mem", "max_wal_size", "shared_buffers", "random_page_cost", "effective_cache_size", "autovacuum",
                "max_parallel_workers", "max_connections")  # fmt: skip
    assert sorted(seen) == sorted(f"setting.{name}" for name in expected)


def test_each_statement_is_taken_by_a_kind_of_change(seen: dict[str, Finding], wrong: Cluster, tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "audit.db", SYSTEM)
    kinds = set()
    for finding in seen.values():
        if finding.forward_sql:
            change = propose_written(journal, spec_of(wrong), finding.forward_sql)
            assert change.steps[0].replace('"', "") == finding.forward_sql.replace('"', "")
            assert change.undo_steps[0].replace('"', "") == finding.inverse_sql.replace('"', "")
            kinds.add(change.kind)
    journal.close()
    assert kinds == {"system_setting", "role_setting"}


def test_the_spill_is_gone_with_the_value_that_is_proposed(
    seen: dict[str, Finding], wrong: Cluster, tmp_path: Path
) -> None:
    finding = seen["setting.work_mem"]
    with psycopg.connect(wrong.dsn(), autocommit=True) as session:
        session.execute(finding.forward_sql.encode())
        session.execute("SELECT pg_stat_statements_reset()")
    with psycopg.connect(wrong.dsn(), user="reporter", autocommit=True) as session:
        for _ in range(6):
            session.execute("SELECT k FROM (SELECT k, filler FROM wide ORDER BY md5(k::text)) s OFFSET 149999")
    facts = look(wrong, tmp_path)
    with psycopg.connect(wrong.dsn(), autocommit=True) as session:
        session.execute(finding.inverse_sql.encode())
    assert sum(each.temp_blks for each in facts.statements if each.role == "reporter") == 0
    assert "setting.work_mem" not in found_in(facts)


def test_of_a_server_set_well_nothing_is_said(binaries: Binaries, tmp_path: Path) -> None:
    with start_cluster(binaries, prefix="optischema-well-", settings=WELL, initdb_args=["--no-sync"]) as cluster:
        load(cluster, keys=True)
        facts = look(cluster, tmp_path)
    assert len(facts.statements) > 5
    assert found_in(facts) == {}
