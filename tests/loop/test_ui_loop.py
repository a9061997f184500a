"""The loop by keyboard on a real server: slow, advice, approve, apply, fast, audit, undo."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from textual.pilot import Pilot

from optischema_tui.app import OptischemaApp
from optischema_tui.bridge import Bridge
from optischema_tui.core.config import Config
from optischema_tui.core.jobs import audit, changes
from optischema_tui.core.models import Change, ChangeState, QueryRow
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.state import LinkState, Stage

SCHEMA = """
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, total numeric NOT NULL);
INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 5000) i;
INSERT INTO orders SELECT i, 1 + i % 5000, i % 97 FROM generate_series(1, 200000) i;
ANALYZE customers;
ANALYZE orders;
"""
SLOW = "SELECT id, total FROM orders WHERE customer_id = %s"

Wait = Callable[..., Awaitable[Any]]


@contextmanager
def traffic(dsn: str) -> Iterator[None]:
    """The slow statement, again and again in the background."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(dsn, autocommit=True) as session:
            number = 0
            while not over.wait(0.02):
                number += 1
                session.execute(SLOW, (1 + number % 5000,)).fetchall()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def shop(fresh_db: str) -> str:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
        session.execute("SELECT pg_stat_statements_reset()")
    return fresh_db


def indexes(dsn: str) -> dict[str, bool]:
    with psycopg.connect(dsn) as session:
        found = session.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'orders'::regclass"
        )
        return dict(found.fetchall())


def slow_row(app: OptischemaApp) -> QueryRow | None:
    rows = app.state.picture.rows if app.state.picture is not None else ()
    return next((row for row in rows if "customer_id = $1" in row.text and row.interval_calls), None)


def the_change(app: OptischemaApp) -> Change | None:
    return next((change for change in app.state.changes if not change.rolls_back), None)


async def test_the_loop_by_keyboard(shop: str, state_dir: Path, until_async: Wait) -> None:
    paths = Paths(state_dir / "config.toml", state_dir)
    spec = resolve(shop, Config(), allow_changes=True)
    app = OptischemaApp(spec, lambda app: Bridge(app, spec, paths))
    before = indexes(shop)
    with traffic(shop):
        async with app.run_test(size=(160, 45)) as pilot:
            await until_async(lambda: app.state.link.state is LinkState.LIVE, 30, "a connection")
            mean = await _slow_mean(app, pilot, until_async)

            await _go(pilot, "3", "optimizations", until_async)
            await pilot.press("R")
            await until_async(lambda: app.state.recommendations and app.state.advising is None, 60, "advice")
            rec = next(rec for rec in app.state.recommendations if "customer_id" in rec.forward_sql)
            assert rec.evidence.gain > 5
            assert indexes(shop) == before

            await pilot.press("a")
            await until_async(lambda: the_change(app) is not None, 20, "the approved change")
            change = the_change(app)
            assert change is not None
            assert change.state is ChangeState.APPROVED
            assert indexes(shop) == before

            await pilot.press("A")
            await until_async(lambda: app.state.run is not None and app.state.run.stage is Stage.READY, 30, "preflight")
            assert app.state.run is not None
            assert len(app.state.run.parts[0].checks) > 8
            assert indexes(shop) == before
            await pilot.press(*"apply", "enter")
            await until_async(lambda: app.state.run is not None and app.state.run.stage is Stage.DONE, 60, "the build")
            assert indexes(shop) == before | {rec.index_name: True}

            await pilot.press("escape")
            faster = await _slow_mean(app, pilot, until_async, below=mean / 5)
            assert mean / faster >= 5
            await until_async(lambda: _judged(app, pilot), 60, "the verdict that the measured statements became better")
            assert audit.verify(paths).ok

            await _go(pilot, "4", "audit", until_async)
            await until_async(lambda: app.state.entries and app.state.verdict is not None, 20, "the audit screen")
            assert app.state.verdict is not None
            assert app.state.verdict.ok
            assert "change.kept" in {entry.event for entry in app.state.entries}

            await _go(pilot, "3", "optimizations", until_async)
            await pilot.press("u")
            await until_async(lambda: app.state.run is not None and app.state.run.stage is Stage.READY, 30, "the undo")
            await pilot.press(*"undo", "enter")
            await until_async(lambda: app.state.run is not None and app.state.run.stage is Stage.DONE, 60, "the drop")
            assert indexes(shop) == before
            await until_async(
                lambda: (change := the_change(app)) is not None and change.state is ChangeState.ROLLED_BACK,
                20,
                "rolled back",
            )
    kept = changes.find(paths, change.id)
    assert kept.state is ChangeState.ROLLED_BACK
    assert audit.verify(paths).ok
    told = [entry.event for entry in audit.entries(paths) if entry.change_id == change.id]
    assert told[0] == "change.proposed"
    assert told[-1] == "change.rolled_back"
    assert changes.measure(paths, change.id).rows[0].ratio >= 5


async def _go(pilot: Pilot[Any], key: str, screen: str, until_async: Wait) -> None:
    await pilot.press(key)
    await until_async(lambda: getattr(pilot.app.screen, "VIEW", "") == screen, 10, f"screen {screen}")


async def _slow_mean(app: OptischemaApp, pilot: Pilot[Any], until_async: Wait, below: float = 1e9) -> float:
    """The interval mean (ms) of the slow statement, polling until it has calls and is below `below`."""

    async def look() -> float:
        app.screen.action_refresh_now()
        await pilot.pause()
        row = slow_row(app)
        return row.interval_mean if row and row.interval_mean and row.interval_mean < below else 0.0

    return float(await until_async(look, 40, f"a mean under {below:g} ms"))


async def _judged(app: OptischemaApp, pilot: Pilot[Any]) -> bool:
    app.screen.action_refresh_now()
    await pilot.pause()
    change = the_change(app)
    return change is not None and change.state is ChangeState.KEPT
