"""A real standby: observing works, changes are refused with the reason, and its promotion begins a new epoch."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.config import Config
from optischema_tui.core.jobs.doctor import examine
from optischema_tui.core.target.capabilities import Level
from optischema_tui.core.target.resolver import resolve
from tests.adversity.watch import Watch, assert_honest
from tests.conftest import SETTINGS, until

KEPT = ("postgresql.conf", "pg_hba.conf")
"""Of the standby's own: where it listens."""


def copy_of(primary: Cluster, standby: Cluster) -> None:
    """Make `standby`, which is down, a copy of `primary`, which is down too, that follows it. Needs no program."""
    own = {name: (standby.data_dir / name).read_bytes() for name in KEPT}
    status = standby.data_dir.stat()
    shutil.rmtree(standby.data_dir)
    shutil.copytree(primary.data_dir, standby.data_dir)
    for name, content in own.items():
        (standby.data_dir / name).write_bytes(content)
    with (standby.data_dir / "postgresql.auto.conf").open("a") as conf:
        conf.write(f"primary_conninfo = '{primary.dsn()}'\n")
    (standby.data_dir / "standby.signal").touch()
    for place in (standby.data_dir, *standby.data_dir.rglob("*")):
        shutil.chown(place, status.st_uid, status.st_gid)


@pytest.fixture
def pair(binaries: Binaries) -> Iterator[tuple[Cluster, Cluster]]:
    """A primary and its standby, with pg_stat_statements in the database postgres."""
    options = {"settings": SETTINGS, "initdb_args": ["--no-sync"]}
    with (
        start_cluster(binaries, prefix="optischema-pri-", **options) as primary,  # type: ignore[arg-type]
        start_cluster(binaries, prefix="optischema-sby-", **options) as standby,  # type: ignore[arg-type]
    ):
        with psycopg.connect(primary.dsn(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements; CREATE TABLE t AS SELECT generate_series(1, 1000) n")
        allow_replication(primary.data_dir)
        primary.halt()
        standby.halt()
        copy_of(primary, standby)
        primary.resume()
        standby.resume()
        yield primary, standby


def allow_replication(data_dir: Path) -> None:
    with (data_dir / "pg_hba.conf").open("a") as hba:
        hba.write("local replication all trust\n")


def some_work(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        for _ in range(20):
            session.execute("SELECT count(*) FROM t")


def follows(primary: Cluster) -> bool:
    with psycopg.connect(primary.dsn(), autocommit=True) as admin:
        return admin.execute("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'").fetchone() is not None


async def test_a_standby_is_observed_and_its_promotion_is_a_new_epoch(pair: tuple[Cluster, Cluster]) -> None:
    primary, standby = pair
    await asyncio.to_thread(until, lambda: follows(primary), 20, "the standby streams")
    spec = resolve(standby.dsn(), Config())
    _, found = await asyncio.to_thread(examine, spec)
    assert found.in_recovery
    assert "standby" in found.environment[0]
    assert found.part("statements").level is Level.OK
    for name in ("changes", "create_index", "drop_index", "maintain"):
        part = found.part(name)
        assert not part.available
        assert "standby" in part.reason
        assert part.remedy == "Connect to the primary"
    assert found.part("parameters").available, "a standby has settings of its own"
    async with Watch(spec) as watch:
        await asyncio.to_thread(some_work, standby.dsn())
        await watch.ticks()
        before = watch.snapshots[-1]
        assert before.statements
        with psycopg.connect(standby.dsn(), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET work_mem = '5MB'")
            admin.execute("SELECT pg_promote()")
            admin.execute("CHECKPOINT")
        await asyncio.to_thread(some_work, standby.dsn())
        await watch.ticks(3)
        after = watch.snapshots[-1]
        assert after.epoch != before.epoch
        assert after.epoch.timeline > before.epoch.timeline
        assert after.epoch.postmaster_start == before.epoch.postmaster_start
        assert after.target.fingerprint == before.target.fingerprint
        assert_honest(watch.snapshots)
    _, found = await asyncio.to_thread(examine, spec)
    assert not found.in_recovery
    assert found.part("create_index").available
    assert found.environment == ()
