"""A setting that another program changes: its lock lies in another database, and in another session than its work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.change.ids import application_name
from optischema_tui.core.change.protocol import apply_change
from optischema_tui.core.change.reconcile import HELD, RUNNING, reconcile, wait_running
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.jobs import changes
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.paths import Paths
from tests.core.change.kinds.of_settings import QUICK, Bench, bench_on

Until = Callable[..., Any]

PATIENT = """
import sys
from pathlib import Path
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.protocol import apply_change
from tests.core.change.kinds.of_settings import spec_for

dsn, audit, change_id = sys.argv[1:]
apply_change(Journal.open(Path(audit)), spec_for(dsn), change_id, limits=Limits(probe_lock_ms=60_000))
"""


@pytest.fixture
def bench(fresh_db: str, tmp_path: Path) -> Iterator[Bench]:
    with bench_on(fresh_db, tmp_path) as bench:
        yield bench


@contextmanager
def in_the_way(bench: Bench) -> Iterator[psycopg.Connection[Any]]:
    """Nobody can write a setting of a database or a role within the block."""
    with psycopg.connect(bench.dsn) as blocker:
        blocker.execute("LOCK TABLE pg_db_role_setting IN SHARE MODE")
        yield blocker


@contextmanager
def program_at_work(bench: Bench, change: Change, until: Until) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that carries the change out and stands still in its statement."""
    words = [sys.executable, "-c", PATIENT, bench.dsn, str(bench.path), change.id]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
        until(lambda: bench.sql(waiting, application_name(change.id)), what="the program at work")
        yield process
    finally:
        process.kill()
        process.wait(timeout=20)


def test_the_second_operator_is_told_who_is_at_work(bench: Bench, until: Until) -> None:
    name = conninfo_to_dict(bench.dsn)["dbname"]
    first = bench.approved(f"ALTER DATABASE {name} SET work_mem = '12MB'")
    second = bench.approved(f"ALTER DATABASE {name} SET work_mem = '13MB'")
    elsewhere = bench.approved(f"ALTER DATABASE {name} SET jit = off")
    with in_the_way(bench), program_at_work(bench, first, until):
        with pytest.raises(ChangeRefused) as refused:
            bench.apply(second)
        assert application_name(first.id) in refused.value.why
        assert [verdict.finding for verdict in reconcile(bench.journal, bench.spec, limits=QUICK)] == [RUNNING]
        with pytest.raises(ChangeRefused) as again:
            apply_change(bench.journal, bench.spec, first.id, limits=QUICK)
        assert "executing" in again.value.sentence
    assert bench.now(second).state is ChangeState.APPROVED
    assert bench.apply(elsewhere).state is ChangeState.VERIFYING, "another setting was never in the way"


def test_a_statement_that_outlives_its_program_is_followed_to_its_end(bench: Bench, until: Until) -> None:
    name = conninfo_to_dict(bench.dsn)["dbname"]
    change = bench.approved(f"ALTER DATABASE {name} SET work_mem = '12MB'")
    with in_the_way(bench) as blocker:
        with program_at_work(bench, change, until):
            """It is killed now."""
        held = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
        until(lambda: not bench.sql(held), what="the lock's end with its program")
        (verdict,) = reconcile(bench.journal, bench.spec, limits=QUICK)
        assert (verdict.finding, verdict.change.state) == (RUNNING, ChangeState.EXECUTING), "not failed: it still waits"
        blocker.rollback()
        ended = wait_running(bench.journal, bench.spec, change.id, limits=QUICK, every=0.05)
    assert ended.finding not in (RUNNING, HELD)
    assert ended.change.state is ChangeState.VERIFYING
    assert "work_mem=12MB" in str(bench.places())


@pytest.mark.parametrize("alive", [True, False])
def test_it_can_be_cancelled_from_elsewhere(bench: Bench, until: Until, alive: bool) -> None:
    paths = Paths(bench.path.parent / "config.toml", bench.path.parent)
    start = bench.places()
    name = conninfo_to_dict(bench.dsn)["dbname"]
    change = bench.approved(f"ALTER DATABASE {name} SET work_mem = '12MB'")
    with in_the_way(bench), program_at_work(bench, change, until) as process:
        if not alive:
            process.kill()
            process.wait(timeout=20)
        assert changes.cancel(paths, change.id, bench.spec).state is ChangeState.FAILED_CLEAN
    assert bench.places() == start
