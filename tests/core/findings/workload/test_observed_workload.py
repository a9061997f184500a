"""The workload rules over what the collector itself stored of a real server in squeezed time."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.clock import Clock, FixedClock
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Lost, Observed
from optischema_tui.core.findings.workload.facts import Facts
from optischema_tui.core.findings.workload.registry import RULES
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.findings_workload import gather_workload
from optischema_tui.core.jobs.recorder import Recorder
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec

ROUNDS = 8
SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, customer int);
CREATE TABLE items (id int PRIMARY KEY, order_id int, note text);
CREATE TABLE users (id int PRIMARY KEY, email text);
INSERT INTO orders SELECT g, g % 100 FROM generate_series(1, 2000) g;
INSERT INTO items SELECT g, g % 2000 + 1, repeat('x', 40) FROM generate_series(1, 12000) g;
INSERT INTO users SELECT g, repeat('x', 70) || g FROM generate_series(1, 30000) g;
CREATE INDEX ON orders (customer);
CREATE INDEX ON items (order_id);
CREATE INDEX users_email ON users (email);
"""


class Watched:
    """A collector that looks when it is told to, and history that it fills."""

    def __init__(self, spec: TargetSpec, history: History, clock: FixedClock) -> None:
        self.fingerprint = ""
        self._clock = clock
        self._recorder = Recorder(spec, history, clock)
        self._collector = Collector(
            spec, interval=1e9, intervals={"activity": 0.0}, families=(), clock=clock, on_event=self._on_event
        )
        self._seen = asyncio.Event()
        self._failure: Exception | None = None

    async def run(self, dsn: str) -> None:
        collecting = asyncio.create_task(self._collector.run())
        try:
            await self._next()
            for number in range(ROUNDS):
                await asyncio.to_thread(calls, dsn, number)
                self._clock.advance(60.0)
                self._seen.clear()
                self._collector.poll_now()
                await self._next()
        finally:
            collecting.cancel()
            with suppress(asyncio.CancelledError):
                await collecting
            self._recorder.finish()

    async def _next(self) -> None:
        async with asyncio.timeout(30):
            await self._seen.wait()
        if self._failure is not None:
            raise self._failure

    def _on_event(self, event: CollectEvent) -> None:
        if isinstance(event, Connected):
            self.fingerprint = event.identity.fingerprint
            self._recorder.connected(event)
        elif isinstance(event, Observed):
            self._recorder.observed(event)
            self._failure = self._recorder.storage_problem
            self._seen.set()
        elif isinstance(event, Lost):
            self._failure = event.error
            self._seen.set()


def calls(dsn: str, round_: int) -> None:
    """What an application sends in a minute: lists with their many, and look-ups that belong to none."""
    with psycopg.connect(dsn, autocommit=True) as session:
        for number in range(8 + (round_ * 5) % 9):
            orders = session.execute("SELECT id FROM orders WHERE customer = %s", (number,)).fetchall()
            for (order,) in orders:
                session.execute("SELECT id, note FROM items WHERE order_id = %s", (order,)).fetchall()
        for number in range(150):
            session.execute("SELECT email FROM users WHERE id = %s", (number,)).fetchone()
        for _ in range(2):
            session.execute("SELECT note FROM items").fetchall()
            session.execute("SELECT id FROM users WHERE lower(email) = %s", ("x7",)).fetchall()


def test_a_real_load_is_told_by_its_faults_and_nothing_else(quiet_db: str, tmp_path: Path):
    with psycopg.connect(quiet_db, autocommit=True) as session:
        session.execute(SCHEMA.encode())
        session.execute("VACUUM ANALYZE")
    spec = TargetSpec("test", tuple(sorted(conninfo_to_dict(quiet_db).items())))  # type: ignore[arg-type]
    paths = Paths(tmp_path / "config.toml", tmp_path / "state")
    clock = FixedClock(at=Clock().wall())
    with closing(History.open(paths.history_db, clock)) as history:
        watched = Watched(spec, history, clock)
        asyncio.run(watched.run(quiet_db))
    facts = gather_workload(paths, spec, watched.fingerprint, clock=clock)
    findings = {finding.rule: finding for rule in RULES for finding in rule(facts)}
    assert set(findings) == {"workload.n_plus_one", "workload.unbounded_result", "workload.wrapped_predicate"}
    many, one = findings["workload.n_plus_one"].queryids
    assert "items WHERE order_id" in text(facts, many)
    assert "orders WHERE customer" in text(facts, one)
    assert "FROM items" in text(facts, findings["workload.unbounded_result"].queryids[0])
    assert "lower(email)" in text(facts, findings["workload.wrapped_predicate"].queryids[0])


def text(facts: Facts, queryid: int) -> str:
    return next(each.text for each in facts.statements if each.queryid == queryid)
