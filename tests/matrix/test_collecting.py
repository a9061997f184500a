"""The statements by every version of the extension, and the whole collector, on every version of the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers.reading import source_of
from servers.scenarios import connect

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Gathered, Lost, Observed, Sampled
from optischema_tui.core.collect.families import ALL
from optischema_tui.core.collect.statements import read_counters
from optischema_tui.core.collect.texts import read_texts
from optischema_tui.core.config import Config
from optischema_tui.core.jobs.doctor import examine
from optischema_tui.core.target.resolver import resolve

pytestmark = pytest.mark.deep
Until = Callable[..., Awaitable[Any]]


async def test_the_statements_by_every_version_of_the_extension(version: Cluster, database: str) -> None:
    """pg_upgrade keeps the extension's old SQL version on a new server."""
    with connect(version.dsn()) as admin:
        offered = [
            row[0]
            for row in admin.execute(
                "SELECT version FROM pg_available_extension_versions WHERE name = 'pg_stat_statements'"
            )
        ]
    assert "1.4" in offered
    assert len(offered) >= 5
    for old in offered:
        with connect(database) as admin:
            admin.execute(f"CREATE EXTENSION pg_stat_statements VERSION '{old}'")
            admin.execute("CREATE TABLE IF NOT EXISTS t (a int)")
            for _ in range(3):
                admin.execute(f'SELECT count(*), 1 AS "of {old}" FROM t')
        async with source_of(database) as source:
            capabilities = source.capabilities
            assert capabilities.part("statements").available
            assert capabilities.extension_version == old
            samples = {sample.key: sample for sample in (await read_counters(source.observer, capabilities)).samples}
            texts = await read_texts(source.observer, capabilities, list(samples))
            (key,) = [
                text.key
                for text in texts
                if text.text.startswith("SELECT count(*)") and text.database == source.identity.database
            ]
            assert samples[key].calls == 3
            assert samples[key].total_exec_time > 0
            assert key.toplevel
        with connect(database) as admin:
            admin.execute("SELECT pg_stat_statements_reset()")
            admin.execute("DROP EXTENSION pg_stat_statements")


class Watch:
    def __init__(self, dsn: str) -> None:
        self.events: list[CollectEvent] = []
        self.collector = Collector(resolve(dsn, Config()), interval=1, on_event=self.events.append)
        self.task = asyncio.create_task(self.collector.run())

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def readings(self) -> dict[str, Any]:
        return {event.reading.family: event.reading for event in self.of(Gathered)}

    def has(self, ticks: int, families: int) -> bool:
        assert not self.task.done(), self.task
        return len(self.of(Observed)) >= ticks and len(self.readings()) >= families and len(self.of(Sampled)) >= 2


@pytest.fixture
async def watching() -> Any:
    started: list[Watch] = []

    def begin(dsn: str) -> Watch:
        started.append(Watch(dsn))
        return started[-1]

    yield begin
    for watch in started:
        watch.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch.task


@pytest.mark.parametrize("role", ["postgres", "matrix_monitor"])
async def test_the_collector_runs_without_a_notice(
    version: Cluster, major: int, role: str, watching: Callable[[str], Watch], until_async: Until
) -> None:
    watch = watching(version.dsn(user=role))
    watch.collector.poll_now()
    await until_async(lambda: watch.has(3, len(ALL)), what="three ticks and every family", seconds=60)
    assert not watch.of(Lost)
    assert [notice for seen in watch.of(Observed) for notice in seen.snapshot.notices] == []
    problems = {name for name, reading in watch.readings().items() if reading.problem}
    assert problems == ({"io"} if major < 16 else set())
    snapshot = watch.of(Observed)[-1].snapshot
    assert snapshot.epoch.server_version_num // 10000 == major
    assert snapshot.unreadable == 0
    assert snapshot.statements
    assert snapshot.totals.statements >= len(snapshot.statements) > 0
    assert snapshot.database.xact_commit > 0
    assert all(sample.sample.hidden == 0 for sample in watch.of(Sampled))


async def test_a_role_with_nothing_is_told_what_it_lacks(
    version: Cluster, watching: Callable[[str], Watch], until_async: Until
) -> None:
    with connect(version.dsn()) as admin:
        admin.execute("SELECT 'a statement of the superuser'")
        with connect(version.dsn()):
            watch = watching(version.dsn(user="matrix_nobody"))
            watch.collector.poll_now()
            await until_async(lambda: watch.has(1, len(ALL)), what="a tick and every family", seconds=60)
    assert not watch.of(Lost)
    snapshot = watch.of(Observed)[-1].snapshot
    assert snapshot.unreadable > 0
    assert all(sample.key.queryid for sample in snapshot.statements)
    assert watch.of(Sampled)[0].sample.hidden > 0
    lacks = {part.name: part.remedy for part in watch.of(Connected)[0].capabilities.parts if not part.available}
    assert "GRANT" in lacks["texts"]
    assert "GRANT" in lacks["activity"]


async def test_a_server_without_the_extension_is_collected_from_all_the_same(
    database: str, watching: Callable[[str], Watch], until_async: Until
) -> None:
    watch = watching(database)
    watch.collector.poll_now()
    await until_async(lambda: watch.has(1, len(ALL)), what="a tick and every family", seconds=60)
    snapshot = watch.of(Observed)[0].snapshot
    assert snapshot.statements == ()
    assert any("CREATE EXTENSION pg_stat_statements" in notice for notice in snapshot.notices)
    with connect(database) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
    await until_async(lambda: watch.of(Observed)[-1].snapshot.statements, what="the statements are read")


@pytest.mark.parametrize("role", ["postgres", "matrix_monitor", "matrix_nobody"])
def test_doctor_examines_it(version: Cluster, major: int, role: str) -> None:
    identity, found = examine(resolve(version.dsn(user=role), Config()))
    assert identity.server_version_num // 10000 == major
    assert found.part("statements").available
    assert found.part("texts").available == found.part("activity").available == (role != "matrix_nobody")
    assert [part.name for part in found.parts if not part.available and not part.reason] == []
