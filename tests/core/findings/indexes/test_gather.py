"""The facts from a real server and a real history file, to a finding with its SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.config import Config
from optischema_tui.core.findings.indexes.facts import DAY, Facts
from optischema_tui.core.findings.indexes.registry import RULES
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.findings_indexes import gather_indexes, known_standbys
from optischema_tui.core.jobs.readings import read_families
from optischema_tui.core.models import Finding, Reading
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.hygiene.indexes import IndexReaders, read_index_readers
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.session import identify, open_session, reading
from optischema_tui.core.target.spec import TargetSpec

SCHEMA = """
CREATE TABLE t (id bigint PRIMARY KEY, a int, b int);
INSERT INTO t SELECT g, g, g FROM generate_series(1, 5000) g;
CREATE INDEX t_unused ON t (a);
CREATE INDEX t_used ON t (b);
ANALYZE t;
"""
TODAY = 1_800_000_000.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path / "state")


def _store(paths: Paths, spec: TargetSpec, days: int, used: str) -> str:
    """Real readings of `indexes` as if they had been taken a day apart, with a scan of `used` in the middle."""
    identity, pairs = read_families(spec, ["indexes", "tables"])
    with reading(spec) as session:
        epoch = f"7000/1/{read_index_readers(session).started:.6f}/0.000000/0.000000"
    clock = FixedClock(TODAY)
    with closing(History.open(paths.history_db, clock)) as history:
        for day in range(days, -1, -1):
            clock.at = at = TODAY - day * DAY
            for read, _ in pairs:
                history.save_reading(
                    identity.fingerprint, _moved(replace(read, epoch=epoch), at, used, day < days // 2)
                )
    return identity.fingerprint


def _moved(read: Reading, at: float, used: str, scanned: bool) -> Reading:
    rows = []
    for row in read.dicts():
        if read.family == "indexes" and row["name"] == used and scanned:
            row["idx_scan"] += 1
        if read.family == "tables":
            row["n_tup_ins"] += int((at - TODAY) / 3600) * 1000 + 2_000_000
        rows.append(tuple(row.values()))
    return Reading(read.family, at, 0.0, at, read.columns, tuple(rows), read.epoch)


def _found(facts: Facts) -> dict[tuple[str, str], Finding]:
    return {(each.rule, each.object): each for rule in RULES for each in rule(facts)}


def test_an_unused_index_is_found_with_what_it_costs(fresh_db: str, paths: Paths) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
    spec = resolve(fresh_db, Config())
    fingerprint = _store(paths, spec, 60, "t_used")
    facts = gather_indexes(paths, spec, fingerprint, clock=FixedClock(TODAY + 60))
    found = _found(facts)
    unused = found["index.unused", '"public"."t_unused"']
    assert unused.verdict == "safe to drop"
    assert unused.forward_sql == 'DROP INDEX CONCURRENTLY "public"."t_unused"'
    assert unused.inverse_sql.startswith("CREATE INDEX CONCURRENTLY t_unused ON ")
    impact = {each.name: each.value for each in unused.impact}
    assert impact["bytes"] > 0
    # 1,000 rows an hour, each half a microsecond for a key that comes in order.
    assert unused.cost == pytest.approx(impact["us_per_row"], rel=0.01)
    assert not any(key for key in found if "t_used" in key[1] or "t_pkey" in key[1])


def test_without_history_nothing_is_safe(fresh_db: str, paths: Paths) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
    spec = resolve(fresh_db, Config())
    with reading(spec) as session:
        fingerprint = identify(session).fingerprint
    found = _found(gather_indexes(paths, spec, fingerprint, clock=FixedClock(TODAY)))
    assert {each.verdict for each in found.values()} == {"needs longer"}
    assert not any(each.forward_sql for each in found.values())


def test_a_history_of_ten_days_is_too_short(fresh_db: str, paths: Paths) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
    spec = resolve(fresh_db, Config())
    fingerprint = _store(paths, spec, 10, "t_used")
    found = _found(gather_indexes(paths, spec, fingerprint, clock=FixedClock(TODAY + 60)))
    assert found["index.unused", '"public"."t_unused"'].verdict == "needs longer"


def test_the_catalog_reads_the_same_on_an_old_server(fresh_old_db: str, paths: Paths) -> None:
    with psycopg.connect(fresh_old_db, autocommit=True) as session:
        session.execute(SCHEMA)
    spec = resolve(fresh_old_db, Config())
    fingerprint = _store(paths, spec, 60, "t_used")
    found = _found(gather_indexes(paths, spec, fingerprint, clock=FixedClock(TODAY + 60)))
    assert found["index.unused", '"public"."t_unused"'].verdict == "safe to drop"


@contextmanager
def _building(dsn: str) -> Iterator[None]:
    """The lock of a concurrent build."""
    with psycopg.connect(dsn) as session:
        session.execute("LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE")
        yield


def test_an_index_that_is_being_built_is_left_alone(fresh_db: str, paths: Paths) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
        session.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_used'::regclass")
    spec = resolve(fresh_db, Config())
    with open_session(spec) as session:
        fingerprint = identify(session).fingerprint
    with _building(fresh_db):
        found = _found(gather_indexes(paths, spec, fingerprint, clock=FixedClock(TODAY)))
    assert found["index.invalid", '"public"."t_used"'].verdict == "may be at work"
    assert not found["index.invalid", '"public"."t_used"'].forward_sql
    later = _found(gather_indexes(paths, spec, fingerprint, clock=FixedClock(TODAY)))
    assert later["index.invalid", '"public"."t_used"'].forward_sql.startswith("REINDEX INDEX CONCURRENTLY")


def _sender(name: str, number: int = 1) -> Reading:
    rows = tuple(("sender", 100 + each, name) for each in range(number))
    return Reading("replication", TODAY, 0.0, TODAY, ("what", "pid", "name"), rows)


def test_a_standby_that_is_away_is_still_known() -> None:
    now = IndexReaders(in_recovery=False, started=0.0, standbys=("near",), others=("subscriber",))
    seen = [_sender("near"), _sender("far", 2), _sender("subscriber"), _sender("pg_basebackup")]
    assert known_standbys(now, seen) == ("far", "far", "near")


def test_a_standby_in_history_forbids_the_drop(fresh_db: str, paths: Paths) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
    spec = resolve(fresh_db, Config())
    fingerprint = _store(paths, spec, 60, "t_used")
    with closing(History.open(paths.history_db, FixedClock(TODAY))) as history:
        history.save_reading(fingerprint, replace(_sender("far"), taken_at=TODAY - 9 * DAY))
    found = _found(gather_indexes(paths, spec, fingerprint, clock=FixedClock(TODAY + 60)))
    assert found["index.unused", '"public"."t_unused"'].verdict == "standby not watched"
