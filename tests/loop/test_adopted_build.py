"""A build that outlived its program: the next start shows it at work, follows it to its end, and can cancel it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp
from optischema_tui.bridge import Bridge
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.protocol import approve
from optischema_tui.core.config import Config
from optischema_tui.core.models import (
    Affected,
    ChangeState,
    Evidence,
    IndexSpec,
    Recommendation,
    Risk,
    recommendation_id,
)
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.session import identify, open_session
from optischema_tui.state import ChangeRun, Stage

NAME = "items_order_id_os1"
PROGRAM = """
import sys
from pathlib import Path
from optischema_tui.core.config import Config
from optischema_tui.core.jobs import changes
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve

dsn, state, change_id = sys.argv[1:]
paths = Paths(Path(state) / "config.toml", Path(state))
changes.carry_out(paths, change_id, resolve(dsn, Config(), allow_changes=True))
"""

Wait = Callable[..., Awaitable[Any]]


def _approved(dsn: str, paths: Paths) -> str:
    """The id of an approved index on a new table."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("CREATE TABLE items AS SELECT g AS id, g / 3 AS order_id FROM generate_series(1, 20000) g")
        session.execute("ANALYZE items")
    with open_session(resolve(dsn, Config())) as connection:
        identity = identify(connection)
    index = IndexSpec("public", "items", ("order_id",))
    affected = Affected(42, "SELECT * FROM items WHERE order_id = $1", 0.8, 100, 12.5, 1000.0, 10.0)
    recommendation = Recommendation(
        id=recommendation_id(identity.fingerprint, "create_index", f"{index}"),
        target=identity.fingerprint,
        kind="create_index",
        title="Index on items",
        forward_sql=index.sql(NAME),
        inverse_sql=f'DROP INDEX CONCURRENTLY "public"."{NAME}"',
        risk=Risk.LOW,
        risk_reasons=("small",),
        evidence=Evidence((affected,), 1000.0, 10.0, 0.8, 1 << 20, "lab", "high"),
        spec=index,
        index_name=NAME,
    )
    with closing(Journal.open(paths.audit_db)) as journal:
        return approve(journal, recommendation, identity, dsn).id


def _state(dsn: str) -> list[bool]:
    with psycopg.connect(dsn) as session:
        found = session.execute(
            "SELECT indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relname = %s", (NAME,)
        )
        return [valid for (valid,) in found]


@pytest.fixture
def orphan(fresh_db: str, tmp_path: Path, until: Callable[..., Any]) -> Iterator[tuple[str, Paths, Any]]:
    """A build that waits for an old snapshot, its program killed: (dsn, paths, the session that it waits for)."""
    paths = Paths(tmp_path / "state" / "config.toml", tmp_path / "state")
    change_id = _approved(fresh_db, paths)
    with psycopg.connect(fresh_db) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1 FROM pg_class LIMIT 1")
        program = subprocess.Popen([sys.executable, "-c", PROGRAM, fresh_db, str(paths.audit_db.parent), change_id])
        try:
            until(lambda: _state(fresh_db) == [False], 30, "the build waits")
        finally:
            os.kill(program.pid, signal.SIGKILL)
            program.wait()
        yield fresh_db, paths, old


def _blocker(app: OptischemaApp) -> int:
    """The process that the build at work waits for; 0 without one."""
    run = app.state.run
    return run.progress.blocker_pid if app.state.building and run is not None and run.progress is not None else 0


def _run(app: OptischemaApp) -> ChangeRun:
    assert app.state.run is not None
    return app.state.run


async def test_the_next_start_follows_the_build_to_its_end(orphan: tuple[str, Paths, Any], until_async: Wait) -> None:
    dsn, paths, old = orphan
    spec = resolve(dsn, Config(), allow_changes=True)
    app = OptischemaApp(spec, lambda app: Bridge(app, spec, paths))
    async with app.run_test(size=(80, 24)):
        await until_async(
            lambda: _blocker(app) == old.info.backend_pid, 30, "the build, and what it waits for, is seen"
        )
        old.rollback()
        await until_async(lambda: _run(app).stage is Stage.DONE, 30, "its end is seen")
        assert _run(app).change.state in (ChangeState.VERIFYING, ChangeState.KEPT)
        assert _state(dsn) == [True]


@pytest.mark.parametrize("allowed", [True, False])
async def test_an_adopted_build_is_cancelled_where_changes_are_allowed(
    orphan: tuple[str, Paths, Any], until_async: Wait, allowed: bool
) -> None:
    dsn, paths, _ = orphan
    spec = resolve(dsn, Config(), allow_changes=allowed)
    app = OptischemaApp(spec, lambda app: Bridge(app, spec, paths))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_async(lambda: _blocker(app), 30, "the build is seen at work")
        await pilot.press("3")
        app.post_message(m.CancelRun())
        if allowed:
            await until_async(lambda: _run(app).stage is Stage.FAILED, 30, "the cancel is told")
            assert _state(dsn) == []
        else:
            await until_async(lambda: app._notifications, 10, "the refusal is told")
            assert _state(dsn) == [False]
            assert app.state.building
