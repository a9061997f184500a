"""A bad network: every question ends by its own deadline, every loss has its sentence, and the collector comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.events import Connected
from optischema_tui.core.config import Config
from optischema_tui.core.errors import ServerLost
from optischema_tui.core.target.observer import DEADLINE_SECONDS, Observer
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.spec import TargetSpec
from tests.adversity.proxy import Proxy
from tests.adversity.watch import Watch, assert_honest

DEADLINE = 0.6
GRACE = 1.0
"""Seconds that a question may outlive its deadline."""


@pytest.fixture
async def proxy(server: Cluster) -> AsyncIterator[Proxy]:
    async with Proxy(unix=server.socket_dir / ".s.PGSQL.5432") as between:
        yield between


def through(proxy: Proxy, dbname: str, more: str = "") -> TargetSpec:
    return resolve(f"host=127.0.0.1 port={proxy.port} user=postgres dbname={dbname} {more}", Config())


def name_of(dsn: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])


async def hole(proxy: Proxy) -> None:
    proxy.black_hole()


async def mid_answer(proxy: Proxy) -> None:
    proxy.fall_silent_after(3000)


async def late(proxy: Proxy) -> None:
    proxy.delay = 5.0


async def crawling(proxy: Proxy) -> None:
    proxy.crawl = 0.05


async def half_open(proxy: Proxy) -> None:
    await proxy.half_open()


FAULTS = [hole, mid_answer, late, crawling, half_open]


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_question_outlives_its_deadline(
    proxy: Proxy, fresh_db: str, fault: Callable[[Proxy], Awaitable[None]]
) -> None:
    observer = await Observer.connect(through(proxy, name_of(fresh_db)))
    assert len(await observer.fetch("SELECT repeat('x', 1000) FROM generate_series(1, 100)")) == 100
    await fault(proxy)
    started = time.monotonic()
    with pytest.raises(ServerLost) as caught:
        await observer.fetch("SELECT repeat('x', 1000) FROM generate_series(1, 100)", timeout=DEADLINE)
    assert time.monotonic() - started < DEADLINE + GRACE
    assert f"127.0.0.1:{proxy.port} did not answer within 0.6 s" in caught.value.sentence
    assert observer.closed
    started = time.monotonic()
    await observer.close()
    assert time.monotonic() - started < GRACE


async def test_a_reset_is_a_lost_server_at_once(proxy: Proxy, fresh_db: str) -> None:
    observer = await Observer.connect(through(proxy, name_of(fresh_db)))
    question = asyncio.create_task(observer.fetch("SELECT pg_sleep(5)"))
    await asyncio.sleep(0)
    proxy.reset()
    started = time.monotonic()
    with pytest.raises(ServerLost, match="broke"):
        await question
    assert time.monotonic() - started < GRACE


@pytest.mark.parametrize("fault", [hole, crawling, late])
async def test_no_attempt_to_connect_outlives_its_deadline(
    proxy: Proxy, fresh_db: str, fault: Callable[[Proxy], Awaitable[None]]
) -> None:
    await fault(proxy)
    started = time.monotonic()
    with pytest.raises(ServerLost, match="did not answer"):
        await Observer.connect(through(proxy, name_of(fresh_db)), timeout=DEADLINE)
    assert time.monotonic() - started < DEADLINE + GRACE


async def test_a_reset_in_mid_watch_is_told_and_mended(
    proxy: Proxy, fresh_db: str, until_async: Callable[..., Any]
) -> None:
    async with Watch(through(proxy, name_of(fresh_db))) as watch:
        await watch.ticks()
        for _ in range(3):
            connected = len(watch.of(Connected))
            proxy.reset()
            await until_async(lambda connected=connected: len(watch.of(Connected)) > connected, what="the way back")
            await watch.ticks()
        assert watch.losses
        assert all(isinstance(lost.error, ServerLost) and lost.error.sentence for lost in watch.losses)
        assert len({snapshot.epoch for snapshot in watch.snapshots}) == 1, "a broken line is no new epoch"
        assert_honest(watch.snapshots)


async def test_attempts_back_off_with_jitter_and_heal(
    proxy: Proxy, fresh_db: str, until_async: Callable[..., Any]
) -> None:
    first = 0.05
    spec = through(proxy, name_of(fresh_db), "connect_timeout=1")
    async with Watch(spec, first_retry=first) as watch:
        await until_async(lambda: watch.snapshots)
        proxy.black_hole()
        proxy.reset()
        # The first loss is the reset's; an attempt takes a second to fail.
        await until_async(lambda: len(watch.losses) >= 4)
        lost = watch.losses[:4]
        attempts = proxy.accepted
        before = len(watch.snapshots)
        proxy.heal()
        await until_async(lambda: len(watch.snapshots) > before)
    waits = [loss.retry_in for loss in lost]
    assert all(0 < wait <= first * 2**number for number, wait in enumerate(waits))
    assert waits[-1] > 3 * waits[0]
    assert len({round(wait / first, 6) % 1 for wait in waits}) > 1, f"no jitter: {waits}"
    assert attempts <= 2 * (len(waits) + 1), "two lines at most for each attempt"
    assert "did not answer" in lost[-1].error.sentence


@pytest.mark.deep
@pytest.mark.parametrize("fault", [hole, mid_answer, half_open, late])
async def test_silence_in_mid_watch_is_told_by_the_deadline_and_mended(
    proxy: Proxy, fresh_db: str, until_async: Callable[..., Any], fault: Callable[[Proxy], Awaitable[None]]
) -> None:
    async with Watch(through(proxy, name_of(fresh_db), "connect_timeout=2")) as watch:
        await until_async(lambda: len(watch.snapshots) >= 2)
        await fault(proxy)
        started = time.monotonic()
        await until_async(lambda: watch.losses, DEADLINE_SECONDS + 5)
        # Asked at the latest an interval later, and then for the longest deadline of any question.
        assert time.monotonic() - started < DEADLINE_SECONDS + 1 + GRACE + 1
        assert isinstance(watch.losses[0].error, ServerLost)
        before = len(watch.snapshots)
        proxy.heal()
        await until_async(lambda: len(watch.snapshots) > before + 1, 40)
        assert_honest(watch.snapshots)


@pytest.mark.deep
async def test_a_way_of_three_seconds_is_slow_and_not_lost(proxy: Proxy, fresh_db: str) -> None:
    observer = await Observer.connect(through(proxy, name_of(fresh_db)))
    proxy.delay = 3.0  # a question goes there and back twice: to be parsed, and to run
    started = time.monotonic()
    assert (await observer.fetch("SELECT 1"))[0][0] == 1
    assert time.monotonic() - started >= 3.0
    proxy.heal()
    await observer.close()


async def test_an_ended_backend_is_replaced(fresh_db: str, until_async: Callable[..., Any]) -> None:
    def end_ours() -> int:
        with psycopg.connect(fresh_db, autocommit=True) as admin:
            row = admin.execute(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                " WHERE application_name = 'optischema-tui' AND datname = current_database()"
            ).fetchone()
            assert row is not None
            return int(row[0])

    async with Watch(resolve(fresh_db, Config())) as watch:
        await until_async(lambda: watch.snapshots)
        for _ in range(3):
            before, lost = len(watch.snapshots), len(watch.losses)
            assert await asyncio.to_thread(end_ours) >= 1
            await until_async(
                lambda before=before, lost=lost: len(watch.losses) > lost and len(watch.snapshots) > before
            )
        assert all(isinstance(loss.error, ServerLost) for loss in watch.losses)
        assert len({snapshot.epoch for snapshot in watch.snapshots}) == 1
        assert_honest(watch.snapshots)
