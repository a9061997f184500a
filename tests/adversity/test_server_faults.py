"""A server that restarts, crashes, is killed or still recovers: told, survived, and never charted across."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.clock import Clock
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config
from optischema_tui.core.errors import TargetError
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.workload.delta import deltas
from tests.adversity.watch import Watch, assert_honest

DAY = 86400.0


def some_work(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        for number in range(20):
            session.execute(f"SELECT count(*) FROM pg_class WHERE oid > {number}".encode())


def is_primary(dsn: str) -> bool:
    with psycopg.connect(dsn, autocommit=True) as session:
        return session.execute("SELECT 1 WHERE NOT pg_is_in_recovery()").fetchone() is not None


@pytest.fixture
def counted(own_server: Cluster) -> Cluster:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
    return own_server


async def test_restart_and_kill_are_epochs_and_no_rate_crosses_them(
    counted: Cluster, until_async: Callable[..., Any]
) -> None:
    dsn = counted.dsn()
    async with Watch(resolve(dsn, Config())) as watch:
        for stop in (counted.halt, counted.crash, counted.crash):
            lost = len(watch.losses)
            await asyncio.to_thread(some_work, dsn)
            await watch.ticks()
            await asyncio.to_thread(stop)
            watch.collector.poll_now()
            await until_async(lambda lost=lost: len(watch.losses) > lost)
            await asyncio.to_thread(counted.resume)
        await watch.ticks()
        assert len({snapshot.epoch for snapshot in watch.snapshots}) == 4
        assert all(isinstance(lost.error, TargetError) for lost in watch.losses)
        assert_honest(watch.snapshots)


async def test_a_backend_that_is_killed_takes_all_counters_with_it(
    counted: Cluster, until_async: Callable[..., Any]
) -> None:
    """The postmaster then restarts its children and keeps its own start time: the epoch must be told by other signs."""
    dsn = counted.dsn()
    async with Watch(resolve(dsn, Config())) as watch:
        await asyncio.to_thread(some_work, dsn)
        await watch.ticks()
        before = watch.snapshots[-1]
        with contextlib.closing(await asyncio.to_thread(psycopg.connect, dsn)) as victim:
            kill(victim.info.backend_pid, counted)  # as the out-of-memory killer does
            await until_async(lambda: watch.losses)
        await watch.ticks()
        after = watch.snapshots[-1]
        assert after.epoch.postmaster_start == before.epoch.postmaster_start
        assert after.epoch != before.epoch
        assert_honest(watch.snapshots)


def kill(pid: int, cluster: Cluster) -> None:
    parent = int(re.findall(r"PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])
    assert parent == cluster.pid, "not a backend of this test's server"
    os.kill(pid, signal.SIGKILL)


async def test_a_server_that_still_recovers_is_told_and_awaited(
    counted: Cluster, until_async: Callable[..., Any]
) -> None:
    gate = counted.socket_dir / "gate"
    async with Watch(resolve(counted.dsn(), Config())) as watch:
        await watch.ticks()
        await asyncio.to_thread(counted.halt)
        gate.touch()
        with (counted.data_dir / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"restore_command = 'while [ -e {gate} ]; do sleep 0.05; done; false'\n")
        (counted.data_dir / "recovery.signal").touch()
        started = asyncio.create_task(asyncio.to_thread(counted.resume))
        try:
            await until_async(lambda: any("starting up" in lost.error.sentence for lost in watch.losses))
        finally:
            gate.unlink()
        await started
        await until_async(lambda: is_primary(counted.dsn()))
        await watch.ticks()
        old, new = watch.snapshots[0].epoch, watch.snapshots[-1].epoch
        assert old != new
        assert new.timeline > old.timeline, "archive recovery ends on a timeline of its own"
        assert_honest(watch.snapshots)


class SteppedClock(Clock):
    """This machine's clock, put forward or back by someone."""

    def __init__(self) -> None:
        self.step = 0.0

    def wall(self) -> float:
        return super().wall() + self.step


@pytest.mark.parametrize("step", [-DAY, *(pytest.param(n, marks=pytest.mark.deep) for n in (DAY, 600.0))])
async def test_a_step_of_the_wall_clock_makes_no_interval_longer(fresh_db: str, step: float) -> None:
    """600 s: also what a server with a clock ten minutes off looks like."""
    clock = SteppedClock()
    async with Watch(resolve(fresh_db, Config()), clock=clock) as watch:
        await watch.ticks()
        clock.step = step
        await asyncio.to_thread(some_work, fresh_db)
        await watch.ticks()
        assert_honest(watch.snapshots)
        across = [deltas(old, new) for old, new in pairwise(watch.snapshots)]
        assert not any(found.broken for found in across)
        assert all(0 < found.seconds < 60 for found in across)
        assert abs(watch.snapshots[-1].taken_at - watch.snapshots[0].taken_at - step) < 60
        assert not watch.losses
