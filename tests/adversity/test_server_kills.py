"""The session or the whole server is killed at random moments of a build: the verdict is the truth, and it goes on."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.change.ids import application_name
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.models import ChangeState
from tests.adversity.kill_cases import CASES, Case
from tests.adversity.kill_run import Field, end, holds, moments, next_start, onwards, prepare, start
from tests.conftest import SETTINGS

BUILDS = tuple(case for case in CASES if case.kind in ("create_index", "drop_index", "partitioned_index", "reindex"))
HOW = ("terminate", "kill", "crash")
MANY = 100
named = pytest.mark.parametrize("case", BUILDS, ids=lambda case: case.sql.replace(" ", "_"))


@pytest.fixture(scope="module")
def struck_server(binaries: Binaries) -> Iterator[Cluster]:
    with start_cluster(binaries, prefix="optischema-struck-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        yield cluster


def database(cluster: Cluster) -> str:
    name = f"s_{secrets.token_hex(6)}"
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(cluster.dsn(name), autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
    return cluster.dsn(name)


def strike(cluster: Cluster, change_id: str, how: str) -> None:
    """End the change's session, its process, or the server with it; the server is there again afterwards."""
    if how == "crash":
        cluster.crash()
        cluster.resume()
        return
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        rows = session.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s", (application_name(change_id),)
        ).fetchall()
    for (pid,) in rows:
        if how == "terminate":
            with psycopg.connect(cluster.dsn(), autocommit=True) as session:
                session.execute("SELECT pg_terminate_backend(%s)", (pid,))
        else:
            os.kill(pid, signal.SIGKILL)


def answers(cluster: Cluster, until: Callable[..., object]) -> None:
    def asked() -> bool:
        try:
            with psycopg.connect(cluster.dsn()) as session:
                return session.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,)
        except psycopg.OperationalError:
            return False

    until(asked, 30, "the server's answer")


def struck_at_random(cluster: Cluster, path: Path, case: Case, count: int, until: Callable[..., object]) -> None:
    field = prepare(database(cluster), path / "first.db", case)
    process = start(field, "apply", field.proposed())
    begun = time.monotonic()
    end(process)
    longest = time.monotonic() - begun
    drawn = random.Random(len(case.sql))
    for place, moment in enumerate(moments(len(case.sql), longest, count)):
        one_strike(cluster, path / f"{place}.db", case, moment, drawn.choice(HOW), until)


def one_strike(cluster: Cluster, path: Path, case: Case, moment: float, how: str, until: Callable[..., object]) -> None:
    field = prepare(database(cluster), path, case)
    before, change_id = field.look(), field.proposed()
    process = start(field, "apply", change_id)
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        strike(cluster, change_id, how)
    end(process, server_struck=True)
    answers(cluster, until)
    next_start(field)
    assert holds(field, change_id, before) is not ChangeState.UNKNOWN
    events = [entry.event for entry in field.journal.entries() if entry.change_id == change_id]
    assert events.count("change.intent") <= 1
    forget_statements(field)
    onwards(field, change_id, before)


def forget_statements(field: Field) -> None:
    """A crash may bring pg_stat_statements back as it was, or lose it: what was counted before says nothing then."""
    field.sql("SELECT pg_stat_statements_reset()")


@pytest.mark.parametrize("how", HOW)
def test_struck_once(struck_server: Cluster, tmp_path: Path, how: str, until: Callable[..., object]) -> None:
    case = next(each for each in BUILDS if each.kind == "partitioned_index")
    one_strike(struck_server, tmp_path / "audit.db", case, 0.15, how, until)


@pytest.mark.deep
@named
def test_struck_at_random_moments(
    struck_server: Cluster, tmp_path: Path, case: Case, until: Callable[..., object]
) -> None:
    struck_at_random(struck_server, tmp_path, case, -(-MANY // len(BUILDS)), until)
