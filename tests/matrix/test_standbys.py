"""A primary and its standby of every version: what each tells of the other."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from servers.reading import read, source_of
from servers.scenarios import connect
from servers.versions import SETTINGS

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.collect.families import ALL

pytestmark = pytest.mark.deep
Until = Callable[..., Awaitable[Any]]


@pytest.fixture
def pair(its_binaries: Binaries) -> Iterator[tuple[Cluster, Cluster]]:
    """A primary, and a standby made of a copy of its files."""

    def start() -> Cluster:
        return start_cluster(its_binaries, prefix="optischema-rp-", settings=SETTINGS, initdb_args=["--no-sync"])

    with start() as primary, start() as standby:
        with connect(primary.dsn()) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute("SELECT pg_create_physical_replication_slot('copy')")
        primary.halt()
        standby.halt()
        own_settings = (standby.data_dir / "postgresql.conf").read_text()
        shutil.rmtree(standby.data_dir)
        subprocess.run(["cp", "-a", str(primary.data_dir), str(standby.data_dir)], check=True, timeout=60)
        standby.data_dir.joinpath("postgresql.conf").write_text(
            f"{own_settings}\nprimary_conninfo = '{primary.dsn()} application_name=copy'\nprimary_slot_name = 'copy'\n"
        )
        standby.data_dir.joinpath("standby.signal").touch()
        with (primary.data_dir / "pg_hba.conf").open("a") as rules:
            rules.write("local replication all trust\n")
        primary.resume()
        standby.resume()
        yield primary, standby


async def test_a_primary_and_its_standby(pair: tuple[Cluster, Cluster], until_async: Until) -> None:
    primary, standby = pair
    async with source_of(primary.dsn()) as above, source_of(standby.dsn()) as below:

        async def streaming() -> list[dict[str, Any]]:
            rows = (await read(above, "replication")).dicts()
            return [row for row in rows if row["state"] == "streaming"]

        (sender,) = await until_async(streaming, what="the standby streams")
        assert (sender["what"], sender["name"], sender["role"]) == ("sender", "copy", "postgres")
        assert sender["sent_bytes"] >= 0
        with connect(standby.dsn()) as paused, connect(primary.dsn()) as writer:
            paused.execute("SELECT pg_wal_replay_pause()")
            writer.execute("CREATE TABLE t AS SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n")

            async def behind() -> list[dict[str, Any]]:
                return [row for row in (await read(above, "replication")).dicts() if row["replay_bytes"] > 1_000_000]

            (sender,) = await until_async(behind, what="the standby is behind")
            assert sender["flush_bytes"] <= sender["replay_bytes"]

            async def received() -> list[dict[str, Any]]:
                rows = (await read(below, "replication")).dicts()
                return [row for row in rows if row["what"] == "receiver" and row["replay_bytes"] > 1_000_000]

            (receiver,) = await until_async(received, what="the standby has received")
            assert (receiver["name"], receiver["state"]) == ("copy", "streaming")
            paused.execute("SELECT pg_wal_replay_resume()")

        async def level() -> bool:
            return all(row["replay_bytes"] == 0 for row in (await read(above, "replication")).dicts())

        await until_async(level, what="the standby caught up")
        (slot,) = (await read(above, "slots")).dicts()
        assert (slot["slot_name"], slot["active"]) == ("copy", True)
        for family in ALL:
            reading = await family.read(below)
            assert reading.problem == "" or family.name == "io"
        (row,) = (await read(below, "wal")).dicts()
        assert row["in_recovery"] is True
        assert row["position"] > 1_000_000
        assert "t" in {row["name"] for row in (await read(below, "tables")).dicts()}
