"""Fixtures every test may use: real PostgreSQL servers, fresh databases, and a home that is not yours."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries, find_binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster

T = TypeVar("T")

HERE = Path(__file__).parent
LONG = (
    "adversity/test_program_kills.py", "demo/test_demo.py", "loop/test_demo_headless.py",
    "architecture/test_json_schema.py", "core/change/test_killed.py", "twins/test_killed_apply.py",
    "pty/test_whole_program.py", "screens/test_hostile_text.py", "loop/test_ui_loop.py", "pty/test_closed_terminal.py",
    "core/jobs/test_watch.py", "adversity/test_network_faults.py", "core/lab/test_lab_old_target.py",
    "core/findings/settings/test_servers_set_wrong.py",
)  # fmt: skip
"""Files that take long for their number of tests: a worker that met one at the end would be alone with it."""
TCP_USER = "tester"
TCP_PASSWORD = "correct-horse"
OLD_BINDIR = "/usr/lib/postgresql/15/bin"
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "top",
    "track_io_timing": "on",
    "max_wal_size": "2GB",
    # Nobody else changes statistics or the visibility map between two looks of a test.
    "autovacuum": "off",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, then those of most tests: the workers take the files in this order."""
    counts = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[int, int]:
        name = item.path.relative_to(HERE).as_posix() if item.path.is_relative_to(HERE) else ""
        return (LONG.index(name) if name in LONG else len(LONG), -counts[item.path])

    items.sort(key=place)


def until(predicate: Callable[[], T], seconds: float = 20.0, what: str | Callable[[], str] = "the condition") -> T:
    """Wait until `predicate()` is true, looking every 20 ms, and return its value; fail the test at the deadline.

    `what` names the condition; a function is asked for it at the deadline.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            name = what() if callable(what) else what
            pytest.fail(f"{name} did not come true within {seconds:g} s; last seen: {value!r}")
        time.sleep(0.02)


async def until_async(
    predicate: Callable[[], T | Awaitable[T]], seconds: float = 20.0, what: str = "the condition"
) -> T:
    """`until` for a test on the event loop; the predicate may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        found = predicate()
        value = await found if isinstance(found, Awaitable) else found
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {seconds:g} s; last seen: {value!r}")
        await asyncio.sleep(0.02)


@pytest.fixture(name="until")
def _until() -> Callable[..., object]:
    """`until(predicate, seconds, what)`."""
    return until


@pytest.fixture(name="until_async")
def _until_async() -> Callable[..., Awaitable[object]]:
    """`await until_async(predicate, seconds, what)`."""
    return until_async


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private home and XDG directories; no PG* variable is left. Returns the program's state directory."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    return home / "state" / "optischema-tui"


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    """PostgreSQL 18 or newer."""
    return find_binaries()


@pytest.fixture(scope="session")
def server(binaries: Binaries) -> Iterator[Cluster]:
    """A PostgreSQL 18 on a Unix socket with pg_stat_statements preloaded. Shared: do not stop or reconfigure it."""
    with start_cluster(binaries, prefix="optischema-test-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        yield cluster


@pytest.fixture
def own_server(binaries: Binaries) -> Iterator[Cluster]:
    """Like `server`, but this test's alone: to halt, crash, restart or reconfigure."""
    with start_cluster(binaries, prefix="optischema-own-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def tcp_server(binaries: Binaries) -> Iterator[Cluster]:
    """A server that asks for a password on 127.0.0.1 (SCRAM): superuser `tester`, password `correct-horse`."""
    cluster = start_cluster(
        binaries, prefix="optischema-tcp-", settings=SETTINGS, initdb_args=["--no-sync"], listen_tcp=True
    )
    with cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as session:
            session.execute(f"CREATE ROLE {TCP_USER} LOGIN SUPERUSER PASSWORD '{TCP_PASSWORD}'")
            session.execute("CREATE EXTENSION pg_stat_statements")
        yield cluster


@pytest.fixture(scope="session")
def old_server() -> Iterator[Cluster]:
    """A PostgreSQL 15, the oldest kind of target tested; skipped where none is installed."""
    if not Path(OLD_BINDIR).is_dir():
        pytest.skip(f"no PostgreSQL 15 in {OLD_BINDIR}: apt-get install postgresql-15")
    old = find_binaries(150000, OLD_BINDIR)
    with start_cluster(old, prefix="optischema-old-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def blank(server: Cluster) -> str:
    """The name of a template on `server`: an empty database with pg_stat_statements."""
    return make_template(server, "blank", ["CREATE EXTENSION pg_stat_statements"])


@pytest.fixture(scope="session")
def old_blank(old_server: Cluster) -> str:
    """`blank` on PostgreSQL 15."""
    return make_template(old_server, "blank", ["CREATE EXTENSION pg_stat_statements"])


@pytest.fixture
def fresh_db(server: Cluster, blank: str) -> Iterator[str]:
    """The conninfo of a new database with pg_stat_statements; dropped afterwards, whoever is still connected."""
    yield from copied(server, blank)


@pytest.fixture
def fresh_old_db(old_server: Cluster, old_blank: str) -> Iterator[str]:
    """`fresh_db` on PostgreSQL 15."""
    yield from copied(old_server, old_blank)


@pytest.fixture
def quiet_db(own_server: Cluster) -> Iterator[str]:
    """`fresh_db` on a server of its own: pg_stat_statements is not full of what other tests have run, heavier than
    what this one runs, so that its texts are read at once."""
    yield from copied(own_server, make_template(own_server, "blank", ["CREATE EXTENSION pg_stat_statements"]))


def make_template(cluster: Cluster, name: str, statements: Sequence[str]) -> str:
    """A database that `copied` copies, with what the statements make; gives its name. Nobody connects to it."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(cluster.dsn(name), autocommit=True) as inside:
            for statement in statements:
                inside.execute(statement.encode())
        session.execute(f"ALTER DATABASE {name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false".encode())
    return name


def copied(cluster: Cluster, template: str) -> Iterator[str]:
    """The conninfo of a copy of that template; dropped afterwards.

    Its files are copied: less work than a log record of every page, and no extension is made anew.
    """
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
    yield cluster.dsn(name)
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
