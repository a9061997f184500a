"""What the workload rules are given by history and by a real server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import UsageError
from optischema_tui.core.findings.workload.registry import RULES
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.findings_workload import gather_workload
from optischema_tui.core.models import (
    Activity,
    ActivitySample,
    DatabaseCounters,
    Epoch,
    LoadPoint,
    Session,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
)
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec

TARGET = TargetIdentity("sys", 5, "shop", 180000)
EPOCH = Epoch("sys", 1.0, 2.0, 180000, "1.12")
TEXTS = {
    1: "SELECT * FROM items WHERE order_id = $1",
    2: "SELECT * FROM orders WHERE customer = $1",
    3: "SELECT * FROM users WHERE lower(email) = $1",
    4: "SELECT * FROM prices WHERE day = $1",
}


def spec_of(dsn: str) -> TargetSpec:
    return TargetSpec("test", tuple(sorted(conninfo_to_dict(dsn).items())))  # type: ignore[arg-type]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path / "state")


def delta(queryid: int, calls: int, rows: int, time: float, blocks: int = 10, dbid: int = 5) -> StatementDelta:
    return StatementDelta(StatementKey(10, dbid, queryid), 60.0, calls, rows, time, 0.0, blocks, 0, 0, 0.0, 0)


def fill(paths: Paths, clock: FixedClock) -> None:
    """An hour: a list with its many, a wrapped predicate, one planned too long, and another database's statement."""
    with closing(History.open(paths.history_db, clock)) as history:
        for minute in range(60):
            clock.advance(60)
            lists = 10 + (minute * 7) % 13
            deltas = (
                delta(1, 20 * lists, 20 * lists, 10.0 * lists),
                delta(2, lists, 20 * lists, 30.0 * lists),
                delta(3, 10, 10, 90.0, blocks=10 * 400),
                delta(4, 600, 600, 60.0),
                delta(3, 10, 10, 90.0, blocks=10 * 400, dbid=6),
            )
            planned = StatementSample(StatementKey(10, 5, 4), calls=1000, plans=1000, total_plan_time=2000.0)
            snapshot = Snapshot(
                TARGET, EPOCH, clock.at, clock.ticks, clock.at, (planned,), DatabaseCounters(), Activity()
            )  # fmt: skip
            texts = [StatementText(each.key, TEXTS[each.key.queryid], role="app", database="shop") for each in deltas]
            history.save_tick(snapshot, texts, deltas, LoadPoint(clock.at, 1.0, 1.0, 1.0, 1))
        idle = Session(9, "client backend", "shop", "app", "web", "", "idle in transaction", "Client", "ClientRead", 2,
                       "", 900.0, 900.0)  # fmt: skip
        history.save_activity(
            TARGET.fingerprint,
            [ActivitySample(clock.at - 20 + second, second, second, (idle,)) for second in range(20)],
        )


def test_history_and_the_targets_indexes_lead_to_findings(fresh_db: str, paths: Paths):
    clock = FixedClock()
    fill(paths, clock)
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE users (id int PRIMARY KEY, email text)")
        session.execute("INSERT INTO users SELECT g, repeat('x', 70) || g FROM generate_series(1, 30000) g")
        session.execute("CREATE INDEX users_email ON users (email)")
        session.execute("CREATE INDEX partial ON users (email) WHERE id > 5")
        session.execute("VACUUM users")
        pages = session.execute("SELECT relpages FROM pg_class WHERE relname = 'users'").fetchone()
    assert pages
    assert 300 < pages[0] < 800
    facts = gather_workload(paths, spec_of(fresh_db), TARGET.fingerprint, clock=clock)
    assert facts.hours == pytest.approx(1.0, rel=0.02)
    assert [each.queryid for each in facts.statements] == [2, 1, 3, 4]
    assert facts.statements[2].calls == 600  # another database's calls are not counted in
    assert facts.statements[1].roles[0][0] == "app"
    assert {(each.column, each.index) for each in facts.leading} == {("id", "users_pkey"), ("email", "users_email")}
    findings = {finding.rule: finding for rule in RULES for finding in rule(facts)}
    assert set(findings) == {
        "workload.n_plus_one", "workload.wrapped_predicate", "workload.planning_time", "workload.idle_in_transaction",
    }  # fmt: skip
    assert findings["workload.n_plus_one"].queryids == (1, 2)
    assert findings["workload.wrapped_predicate"].queryids == (3,)
    assert findings["workload.planning_time"].cost == pytest.approx(600 * 60 * 2.0, rel=0.02)


def test_an_index_on_an_expression_or_a_table_nobody_scans_is_no_fault(fresh_db: str, paths: Paths):
    clock = FixedClock()
    fill(paths, clock)
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE)")
        session.execute("INSERT INTO users SELECT g, repeat('x', 70) || g FROM generate_series(1, 30000) g")
        session.execute("CREATE INDEX ON users (lower(email))")
        session.execute("VACUUM users")
    facts = gather_workload(paths, spec_of(fresh_db), TARGET.fingerprint, clock=clock)
    assert all(each.computed for each in facts.leading)
    assert "workload.wrapped_predicate" not in {finding.rule for rule in RULES for finding in rule(facts)}


def test_the_questions_run_on_an_older_server(fresh_old_db: str, paths: Paths):
    clock = FixedClock()
    fill(paths, clock)
    assert gather_workload(paths, spec_of(fresh_old_db), TARGET.fingerprint, clock=clock).leading == ()


def test_without_history_there_is_an_error_and_no_empty_list(fresh_db: str, paths: Paths):
    with pytest.raises(UsageError, match="too little"):
        gather_workload(paths, spec_of(fresh_db), TARGET.fingerprint)
