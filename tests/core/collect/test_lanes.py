"""The engine: two lanes, families with rhythms of their own, refusals, and what happens when a connection breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import psycopg
import pytest

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Gathered, Lost, Observed, Sampled
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.config import Config
from optischema_tui.core.errors import MissingPart, ServerLost, TargetError
from optischema_tui.core.models import Reading
from optischema_tui.core.target.resolver import resolve

E = TypeVar("E")
Until = Callable[..., Any]
OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'optischema-tui' AND datname = current_database()"


class Probe:
    """A family that counts its readings."""

    def __init__(
        self,
        name: str = "probe",
        lane: Lane = Lane.SLOW,
        interval: float = 1.0,
        sql: str = "SELECT 1",
        timeout: float = 3.0,
    ) -> None:
        self.readings = 0
        self.error: Exception | None = None
        self.problem = ""
        self.sql = sql
        self.family = Family(name, name.title(), interval, timeout, lane, self.read)

    async def read(self, source: Source) -> Reading:
        self.readings += 1
        if self.error is not None:
            raise self.error
        rows = await source.observer.fetch(self.sql)
        return Reading(
            self.family.name, SYSTEM.wall(), SYSTEM.monotonic(), 0.0, ("n",), (tuple(rows[0]),), source.epoch,
            problem=self.problem,
        )  # fmt: skip


class Watch:
    def __init__(self, dsn: str, *probes: Probe, interval: float = 3600.0, **intervals: float) -> None:
        self.events: list[CollectEvent] = []
        self.collector = Collector(
            resolve(dsn, Config()),
            interval=interval,
            on_event=self.events.append,
            first_retry=0.05,
            intervals=intervals,
            families=[probe.family for probe in probes],
        )
        self.task = asyncio.create_task(self.collector.run())

    def of(self, kind: type[E]) -> list[E]:
        assert not self.task.done(), self.task
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def notices(self) -> str:
        return " | ".join(self.of(Observed)[-1].snapshot.notices)

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


async def test_both_lanes_read_with_two_connections_at_most(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    slow, fast = Probe("slow"), Probe("fast", Lane.FAST)
    off = Probe("off")
    watch = watching(fresh_db, slow, fast, off, off=0)
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        await until_async(lambda: len(watch.of(Sampled)) >= 2 and slow.readings >= 2 and fast.readings >= 2)
        pids = {row[0] for row in admin.execute(OURS).fetchall()}
        assert len(pids) == 2
        for sampled in watch.of(Sampled):
            assert not pids & {each.pid for each in sampled.sample.sessions}
            assert admin.info.backend_pid not in [each.pid for each in sampled.sample.sessions]
    assert off.readings == 0
    assert {event.reading.family for event in watch.of(Gathered)} == {"slow", "fast"}
    reading = watch.of(Gathered)[0].reading
    epoch = watch.of(Observed)[0].snapshot.epoch
    assert epoch.timeline == 1
    assert 0 < epoch.crashed_at <= watch.of(Observed)[0].snapshot.server_clock
    assert reading.epoch.startswith(f"{epoch.system_identifier}/1/")
    assert reading.problem == ""
    # The next tick takes its numbers of sessions from the last sample.
    watch.collector.poll_now()
    await until_async(lambda: len(watch.of(Observed)) == 2)
    assert watch.of(Observed)[1].snapshot.activity.max_connections == 60
    assert watch.of(Observed)[1].snapshot.notices == ()


async def test_what_is_refused_is_told_and_left_alone_until_it_is_wanted(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    refused, told_so, failing, well = Probe("refused"), Probe("told_so"), Probe("failing"), Probe("well")
    refused.error = MissingPart("A part is missing", "Nobody granted it", "GRANT it")
    told_so.problem = "This role may not read it."
    failing.error = TargetError("A query was cancelled")  # which may pass: it is tried once more
    watch = watching(fresh_db, refused, told_so, failing, well)
    await until_async(lambda: well.readings >= 4 and failing.readings == 2)
    seen = well.readings
    await until_async(lambda: well.readings >= seen + 2)
    assert (refused.readings, told_so.readings, failing.readings) == (1, 1, 2)
    told = [event.reading for event in watch.of(Gathered) if event.reading.family == "refused"]
    assert [(each.problem, each.rows) for each in told] == [("A part is missing. Nobody granted it. GRANT it.", ())]
    assert watch.of(Lost) == []
    refused.error = None
    watch.collector.poll_now()
    await until_async(lambda: refused.readings >= 3)


@pytest.mark.deep
async def test_a_dear_family_is_read_less_often_and_it_is_said(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    dear, cheap = Probe("dear", sql="SELECT 1 FROM pg_sleep(0.3)"), Probe("cheap", Lane.FAST)
    watch = watching(fresh_db, dear, cheap, activity=0)
    await until_async(lambda: cheap.readings >= 9, 40)
    assert dear.readings <= 4
    watch.collector.poll_now()
    await until_async(lambda: len(watch.of(Observed)) == 2)
    assert "Dear: read every 2 s instead of 1 s, since a reading takes 0.3 s" in watch.notices


async def test_a_lost_fast_lane_comes_back_while_the_slow_one_goes_on(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    pids: list[int] = []
    tell = Probe("tell", Lane.FAST, sql="SELECT pg_backend_pid()")
    watch = watching(fresh_db, tell, interval=1)

    def seen() -> set[int]:
        return {event.reading.rows[0][0] for event in watch.of(Gathered)}

    await until_async(lambda: len(seen()) == 1)
    pids.extend(seen())
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", pids)
    await until_async(lambda: len(seen()) == 2)
    assert watch.of(Lost) == []
    assert len(watch.of(Connected)) == 1
    before = len(watch.of(Observed))
    await until_async(lambda: len(watch.of(Observed)) >= before + 2)
    assert watch.notices == ""


async def test_a_family_that_breaks_every_connection_is_left_out(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    silent, well = Probe("silent", sql="SELECT 1 FROM pg_sleep(4.5)", timeout=0.5), Probe("well")
    watch = watching(fresh_db, silent, well)
    await until_async(lambda: silent.readings == 1)
    started = SYSTEM.monotonic()
    await until_async(lambda: watch.of(Lost))
    assert SYSTEM.monotonic() - started < 1.5  # its deadline is 0.5 s
    assert isinstance(watch.of(Lost)[0].error, ServerLost)
    await until_async(lambda: len(watch.of(Lost)) == 2)
    seen = well.readings
    await until_async(lambda: well.readings >= seen + 3)
    assert silent.readings == 2
    assert len(watch.of(Lost)) == 2
    told = [event.reading.problem for event in watch.of(Gathered) if event.reading.family == "silent"]
    assert len(told) == 1
    assert "did not answer" in told[0]
    silent.sql = "SELECT 1"
    watch.collector.poll_now()
    await until_async(lambda: silent.readings >= 4)
    assert len(watch.of(Lost)) == 2


async def test_one_connection_when_the_server_gives_no_second(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE ROLE alone_here LOGIN CONNECTION LIMIT 1 IN ROLE pg_monitor")
        watch = None
        try:
            tell = Probe("tell", Lane.FAST)
            watch = watching(fresh_db.replace("user=postgres", "user=alone_here"), tell, interval=1)
            await until_async(lambda: len(watch.of(Sampled)) >= 2 and tell.readings >= 2)
            assert len(admin.execute(OURS).fetchall()) == 1
            await until_async(lambda: "over one" in watch.notices)
            assert watch.of(Lost) == []
        finally:
            if watch is not None:
                await watch.stop()
            await until_async(lambda: not admin.execute(OURS).fetchall())
            admin.execute("DROP ROLE alone_here")


async def test_a_pause_stops_both_lanes(fresh_db: str, watching: Callable[..., Watch], until_async: Until) -> None:
    slow, fast = Probe("slow"), Probe("fast", Lane.FAST)
    watch = watching(fresh_db, slow, fast, interval=1)
    await until_async(lambda: len(watch.of(Sampled)) >= 2 and fast.readings >= 2)
    watch.collector.pause(True)
    witness = watching(fresh_db, Probe("witness"), interval=1)
    await until_async(lambda: len(witness.of(Sampled)) >= 1)
    before = (slow.readings, fast.readings, len(watch.of(Sampled)), len(watch.of(Observed)))
    await until_async(lambda: len(witness.of(Observed)) >= 3 and len(witness.of(Sampled)) >= 3)
    assert (slow.readings, fast.readings, len(watch.of(Sampled)), len(watch.of(Observed))) == before
    watch.collector.poll_now()
    await until_async(lambda: slow.readings == before[0] + 1 and fast.readings == before[1] + 1)
    await until_async(lambda: len(watch.of(Sampled)) == before[2] + 1 and len(watch.of(Observed)) == before[3] + 1)


async def test_what_was_granted_meanwhile_is_seen_when_somebody_asks(
    fresh_db: str, watching: Callable[..., Watch], until_async: Until
) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE ROLE granted_later LOGIN")
        watch = None
        try:
            watch = watching(fresh_db.replace("user=postgres", "user=granted_later"))
            await until_async(lambda: len(watch.of(Sampled)) >= 1)
            assert watch.of(Sampled)[0].sample.hidden >= 1
            assert not watch.of(Connected)[0].capabilities.part("texts").available
            admin.execute("GRANT pg_monitor TO granted_later")
            watch.collector.poll_now()
            await until_async(lambda: len(watch.of(Connected)) == 2)
            assert watch.of(Connected)[1].capabilities.part("texts").available
        finally:
            if watch is not None:
                await watch.stop()
            await until_async(lambda: not admin.execute(OURS).fetchall())
            admin.execute("DROP ROLE granted_later")


async def test_texts_that_this_database_cannot_hold_come_by_way_of_another(
    own_server: Cluster, watching: Callable[..., Watch], until_async: Until
) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
        admin.execute('SELECT 1 AS "größe"')
    with psycopg.connect(own_server.dsn("raw"), autocommit=True, client_encoding="SQL_ASCII") as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute(b'SELECT 1 AS "caf\xe9"')
    watch = watching(own_server.dsn(), interval=1)
    await until_async(lambda: any(seen.texts for seen in watch.of(Observed)))
    found = {text.text for seen in watch.of(Observed) for text in seen.texts}
    assert {'SELECT $1 AS "größe"', 'SELECT $1 AS "caf\ufffd"'} <= found
    sampled = len(watch.of(Sampled))
    await until_async(lambda: len(watch.of(Sampled)) > sampled)  # the fast lane has its connection back
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'optischema-tui'"
        row = admin.execute(ours).fetchone()
        assert row is not None
        assert row[0] <= 2


async def test_a_crash_moves_the_epoch_by_its_own_mark(
    own_server: Cluster, watching: Callable[..., Watch], until_async: Until
) -> None:
    watch = watching(own_server.dsn(), interval=1)
    await until_async(lambda: watch.of(Observed))
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        victim = admin.execute("SELECT pg_backend_pid()").fetchone()
        assert victim is not None
        os.kill(victim[0], signal.SIGKILL)  # the postmaster lives, and throws the shared memory away
    before = len(watch.of(Observed))
    await until_async(lambda: len(watch.of(Observed)) > before and len(watch.of(Connected)) == 2)
    old, new = watch.of(Observed)[0].snapshot.epoch, watch.of(Observed)[-1].snapshot.epoch
    assert old.postmaster_start == new.postmaster_start
    assert new.crashed_at > old.crashed_at
    assert new != old
