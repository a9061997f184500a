"""Through a real PgBouncer: observing works and leaves no trace for its other clients; the rest says why not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Lost, Observed
from optischema_tui.core.config import Config
from optischema_tui.core.errors import TargetError
from optischema_tui.core.jobs.doctor import examine
from optischema_tui.core.target.capabilities import Level
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.session import open_session
from tests.conftest import TCP_PASSWORD, TCP_USER, until

NOBODY = 65534
SEEN = ("default_transaction_read_only", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


def program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("no pgbouncer on this machine: apt-get install pgbouncer")
    return found


@pytest.fixture(params=["transaction", pytest.param("session", marks=pytest.mark.deep)])
def pooler(request: pytest.FixtureRequest, tcp_server: Cluster) -> Iterator[str]:
    """The conninfo of a PgBouncer before `tcp_server`; its pool of each database is a single server connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="optischema-pool-") as made:
        folder = Path(made)
        (folder / "users").write_text(f'"{TCP_USER}" "{TCP_PASSWORD}"\n')
        (folder / "ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={tcp_server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\n"
            f"pool_mode = {request.param}\ndefault_pool_size = {1 if request.param == 'transaction' else 4}\n"
            f"admin_users = {TCP_USER}\nlogfile = {folder}/log\nserver_round_robin = 0\n"
        )
        user = NOBODY if os.geteuid() == 0 else None
        if user is not None:
            for place in (folder, *folder.iterdir()):
                os.chown(place, user, user)
        running = subprocess.Popen(
            [program(), "-q", str(folder / "ini")],
            user=user,
            group=user,
            extra_groups=None if user is None else (),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            dsn = f"host=127.0.0.1 port={port} user={TCP_USER} dbname=postgres"
            until(lambda: answers(port), what="PgBouncer's port")
            yield dsn
        finally:
            running.terminate()
            running.wait(10)


def answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def settings(dsn: str) -> list[str]:
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other:
        return [other.execute(f"SHOW {name}".encode()).fetchone()[0] for name in SEEN]  # type: ignore[index]


async def test_observing_works_and_other_clients_see_none_of_our_settings(
    pooler: str, until_async: Callable[..., Any]
) -> None:
    before = await asyncio.to_thread(settings, pooler)
    events: list[CollectEvent] = []
    collector = Collector(resolve(pooler, Config()), interval=1, on_event=events.append, first_retry=0.05)
    task = asyncio.create_task(collector.run())
    try:
        await until_async(lambda: len([event for event in events if isinstance(event, Observed)]) >= 3, 20, "x")
        assert await asyncio.to_thread(settings, pooler) == before
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(settings, pooler) == before
    assert not [event for event in events if isinstance(event, Lost)]
    connected = next(event for event in events if isinstance(event, Connected))
    assert connected.capabilities.pooled
    last = [event for event in events if isinstance(event, Observed)][-1].snapshot
    assert last.statements
    assert last.activity.max_connections == 60


async def test_the_encoding_of_our_reading_stays_our_own(pooler: str, tcp_server: Cluster) -> None:
    """A database without an encoding is read with another client_encoding than its other clients have."""
    with psycopg.connect(tcp_server.dsn(), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS raw_bytes_pooled")
        admin.execute(
            "CREATE DATABASE raw_bytes_pooled ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    dsn = pooler.replace("dbname=postgres", "dbname=raw_bytes_pooled")

    def encoding() -> object:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other:
            return other.execute("SHOW client_encoding").fetchone()

    before = await asyncio.to_thread(encoding)
    observer = await Observer.connect(resolve(dsn, Config()))
    assert observer.pooled
    row = (await observer.fetch(r"SELECT (E'caf\xe9')::text"))[0]
    assert row[0].startswith("caf")
    assert await asyncio.to_thread(encoding) == before
    await observer.close()
    assert await asyncio.to_thread(encoding) == before


def test_doctor_says_what_it_means(pooler: str) -> None:
    _, found = examine(resolve(pooler, Config()))
    assert found.pooled
    assert "pooler" in found.environment[0]
    assert found.part("session").level is Level.LIMITED
    assert found.part("statements").available
    for name in ("changes", "create_index", "drop_index", "maintain", "parameters"):
        part = found.part(name)
        assert not part.available
        assert "pooler" in part.reason
        assert part.remedy


def test_a_session_for_plans_or_changes_is_refused_and_leaves_nothing(pooler: str) -> None:
    before = settings(pooler)
    for read_only in (True, False):
        with pytest.raises(TargetError, match="pooler"):
            open_session(resolve(pooler, Config()), read_only=read_only)
    assert settings(pooler) == before


def test_its_own_console_is_no_database(pooler: str) -> None:
    with pytest.raises(TargetError, match="console"):
        examine(resolve(pooler.replace("dbname=postgres", "dbname=pgbouncer"), Config()))
