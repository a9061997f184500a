from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Connecting, Lost, Observed
from optischema_tui.core.config import Config
from optischema_tui.core.errors import AuthError, MissingPart, ServerLost, TargetError
from optischema_tui.core.target.resolver import resolve, with_password

E = TypeVar("E")
Until = Callable[..., Any]


class Watch:
    """A running collector and what it has told."""

    def __init__(self, dsn: str, interval: float = 3600.0, password: str = "") -> None:
        self.events: list[CollectEvent] = []
        spec = resolve(dsn, Config())
        self.collector = Collector(
            with_password(spec, password) if password else spec,
            interval=interval,
            on_event=self.events.append,
            first_retry=0.05,
        )
        self.task = asyncio.create_task(self.collector.run())

    def of(self, kind: type[E]) -> list[E]:
        assert not self.task.done(), self.task
        return [event for event in self.events if isinstance(event, kind)]

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture
async def watching() -> AsyncIterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def begin(*args: Any, **options: Any) -> Watch:
        started.append(Watch(*args, **options))
        return started[-1]

    yield begin
    for watch in started:
        await watch.stop()


async def test_a_tick_holds_everything(fresh_db: str, watching: Callable[..., Watch], until_async: Until) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n")
        with psycopg.connect(fresh_db) as idle:
            idle.execute("SELECT count(*) FROM t")
            watch = watching(fresh_db)
            await until_async(lambda: watch.of(Observed))
    kinds = [type(event) for event in watch.events]
    assert kinds[:3] == [Connecting, Connected, Observed]
    connected, seen = watch.of(Connected)[0], watch.of(Observed)[0]
    snapshot = seen.snapshot
    assert snapshot.target == connected.identity
    assert snapshot.notices == ()
    assert snapshot.activity.idle_in_transaction >= 1
    assert snapshot.activity.total >= 2
    assert snapshot.activity.max_connections == 60
    assert snapshot.database.xact_commit > 0
    assert abs(snapshot.server_clock - snapshot.taken_at) < 60
    assert snapshot.epoch.stats_reset is not None
    assert snapshot.cost.queries >= 5
    assert 0 < snapshot.cost.seconds < 20
    assert {text.key for text in seen.texts} >= {
        sample.key for sample in snapshot.statements if sample.key.dbid == snapshot.target.database_oid
    }


async def test_a_text_is_fetched_once_and_new_ones_are_added(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    watch = watching(fresh_db)
    await until_async(lambda: watch.of(Observed))
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("SELECT 'the new one', 1, 2")
    watch.collector.poll_now()
    await until_async(lambda: len(watch.of(Observed)) == 2)
    watch.collector.poll_now()
    await until_async(lambda: len(watch.of(Observed)) == 3)
    first, second, third = (dict.fromkeys(text.key for text in seen.texts) for seen in watch.of(Observed))
    assert any(text.text == "SELECT $1, $2, $3" for text in watch.of(Observed)[1].texts)
    assert not first.keys() & second.keys()
    assert not (first.keys() | second.keys()) & third.keys()


async def test_the_rhythm_can_be_changed(fresh_db: str, watching: Callable[..., Watch], until_async: Until) -> None:
    watch = watching(fresh_db)
    await until_async(lambda: watch.of(Observed))
    watch.collector.set_interval(1)
    await until_async(lambda: len(watch.of(Observed)) >= 3)
    watch.collector.pause(True)
    before = len(watch.of(Observed))
    watch.collector.poll_now()
    await until_async(lambda: len(watch.of(Observed)) == before + 1)
    witness = watching(fresh_db, interval=1)
    await until_async(lambda: len(witness.of(Observed)) >= 3)
    assert len(watch.of(Observed)) == before + 1
    watch.collector.pause(False)
    await until_async(lambda: len(watch.of(Observed)) == before + 2)
    times = [seen.snapshot.monotonic for seen in watch.of(Observed)]
    assert times == sorted(times)


async def test_a_restart_in_mid_poll_is_survived_in_a_new_epoch(
    own_server: Cluster, watching: Callable[..., Watch], until_async: Until
) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
    watch = watching(own_server.dsn(), interval=1)
    await until_async(lambda: watch.of(Observed))
    await asyncio.to_thread(own_server.halt)
    await until_async(lambda: watch.of(Lost))
    assert isinstance(watch.of(Lost)[0].error, ServerLost)
    assert watch.of(Lost)[0].retry_in > 0
    await until_async(lambda: len(watch.of(Lost)) >= 3)
    assert all(isinstance(lost.error, TargetError) for lost in watch.of(Lost))
    before = len(watch.of(Observed))
    await asyncio.to_thread(own_server.resume)
    await until_async(lambda: len(watch.of(Observed)) > before)
    old, new = watch.of(Observed)[0].snapshot, watch.of(Observed)[-1].snapshot
    assert old.epoch != new.epoch
    assert old.target.fingerprint == new.target.fingerprint
    assert len(watch.of(Connected)) == 2


async def test_a_crash_is_a_new_epoch_too(
    own_server: Cluster, watching: Callable[..., Watch], until_async: Until
) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
    watch = watching(own_server.dsn(), interval=1)
    await until_async(lambda: watch.of(Observed))
    await asyncio.to_thread(own_server.crash)
    await until_async(lambda: watch.of(Lost))
    await asyncio.to_thread(own_server.resume)
    before = len(watch.of(Observed))
    await until_async(lambda: len(watch.of(Observed)) > before)
    assert watch.of(Observed)[0].snapshot.epoch != watch.of(Observed)[-1].snapshot.epoch


async def test_a_missing_extension_is_told_and_noticed_when_it_comes(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("DROP EXTENSION pg_stat_statements")
    watch = watching(fresh_db, interval=1)
    await until_async(lambda: watch.of(Observed))
    snapshot = watch.of(Observed)[0].snapshot
    assert snapshot.statements == ()
    assert any("CREATE EXTENSION pg_stat_statements;" in notice for notice in snapshot.notices)
    assert snapshot.activity.max_connections == 60
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
    await until_async(lambda: watch.of(Observed)[-1].snapshot.statements)
    assert watch.of(Observed)[-1].snapshot.notices == ()
    assert watch.of(Observed)[-1].snapshot.epoch != snapshot.epoch
    assert watch.of(Connected)[-1].capabilities.part("statements").available


async def test_a_refused_tick_is_told_without_a_snapshot_and_tried_again(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    watch = watching(fresh_db, interval=1)
    await until_async(lambda: watch.of(Observed))
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("DROP EXTENSION pg_stat_statements")
    await until_async(lambda: watch.of(Lost))
    assert isinstance(watch.of(Lost)[0].error, MissingPart)
    assert len(watch.of(Connected)) == 1
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
    before = len(watch.of(Observed))
    await until_async(lambda: len(watch.of(Observed)) > before)
    assert all(seen.snapshot.statements for seen in watch.of(Observed))


async def test_a_wrong_password_waits_long_before_the_next_try(
    tcp_server: Cluster, watching: Callable[..., Watch], until_async: Until
) -> None:
    watch = watching(tcp_server.tcp_dsn(user="tester"), password="wrong")
    await until_async(lambda: watch.of(Lost))
    assert isinstance(watch.of(Lost)[0].error, AuthError)
    assert watch.of(Lost)[0].retry_in > 20
    watch.collector.poll_now()
    await until_async(lambda: len(watch.of(Lost)) == 2)


async def test_texts_that_cannot_be_read_leave_the_counters(
    own_server: Cluster, watching: Callable[..., Watch], until_async: Until
) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with psycopg.connect(own_server.dsn("raw"), autocommit=True, client_encoding="SQL_ASCII") as session:
        session.execute(b'SELECT 1 AS "caf\xe9"')
    watch = watching(own_server.dsn(), interval=1)
    await until_async(lambda: len(watch.of(Observed)) >= 2)
    for seen in watch.of(Observed)[:2]:
        assert seen.snapshot.statements
        assert seen.texts == ()
        assert any("exts" in notice for notice in seen.snapshot.notices)


async def test_cancelling_leaves_no_connection(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    watch = watching(fresh_db, interval=1)
    await until_async(lambda: watch.of(Observed))
    await watch.stop()
    with psycopg.connect(fresh_db, autocommit=True) as admin:

        def ours() -> int:
            row = admin.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'optischema-tui' AND datname = current_database()"
            ).fetchone()
            assert row is not None
            return int(row[0])

        await until_async(lambda: ours() == 0)


async def test_a_dear_tick_stretches_the_interval(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr("optischema_tui.core.collect.schedule.BUSY_SHARE", 1e-9)
        dear = watching(fresh_db, interval=1)
        await until_async(lambda: dear.of(Observed))
    witness = watching(fresh_db, interval=1)
    await until_async(lambda: len(witness.of(Observed)) >= 3)
    assert len(dear.of(Observed)) == 1


async def test_five_thousand_statements_in_a_tick(
    own_server: Cluster, watching: Callable[..., Watch], until_async: Until, record_property: Callable[..., None]
) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("SELECT 'CREATE TABLE t' || n || '()' FROM generate_series(1, 100) n")
        admin.execute("DO $$ BEGIN FOR n IN 1..100 LOOP EXECUTE 'CREATE TABLE t' || n || '()'; END LOOP; END $$")
        with admin.pipeline():
            for table in range(1, 101):
                for columns in range(1, 50):
                    admin.execute(f"SELECT {', '.join(['1'] * columns)} FROM t{table}".encode())
    watch = watching(own_server.dsn())
    await until_async(lambda: watch.of(Observed))
    first = watch.of(Observed)[0]
    assert len(first.snapshot.statements) >= 4900
    for ticks in (2, 3, 4):
        watch.collector.poll_now()
        await until_async(lambda ticks=ticks: len(watch.of(Observed)) == ticks)
    costs = [seen.snapshot.cost.seconds for seen in watch.of(Observed)]
    record_property("tick_seconds", costs)
    print(f"tick with {len(first.snapshot.statements)} statements: {[f'{cost * 1000:.0f} ms' for cost in costs]}")
    assert len(first.texts) >= 4900
    assert min(costs[1:]) < 1.0
