"""`kill -9` of the program at every boundary and at random moments of every kind of change, while it is made and while
it is undone: the next start's verdict is the truth, nothing broken is left, nothing is done twice."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.change import faults
from optischema_tui.core.change.kinds.registry import NAMES
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.models import ChangeState
from tests.adversity.kill_cases import CASES, Case
from tests.adversity.kill_run import (
    THERE,
    Field,
    carry_on,
    end,
    holds,
    kill_after,
    moments,
    next_start,
    onwards,
    prepare,
    start,
    twice,
)
from tests.conftest import SETTINGS

BOUNDARIES = tuple(point for point in faults.POINTS if "cleanup" not in point)
FEW = ("after_intent", "during_build", "after_execute", "before_undone")
"""The boundaries that each ordinary run walks."""
RANDOM_KILLS = 200
Databases = Callable[[], str]


@pytest.fixture(scope="module")
def kill_server(binaries: Binaries) -> Iterator[Cluster]:
    """One server for this file, since some changes are of the whole server."""
    with start_cluster(binaries, prefix="optischema-kill-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        yield cluster


@pytest.fixture
def databases(kill_server: Cluster) -> Iterator[Databases]:
    """Makes a database with pg_stat_statements and gives its conninfo; the last one goes when the next is asked for."""
    made: list[str] = []

    def drop() -> None:
        for name in made[-1:]:
            with psycopg.connect(kill_server.dsn(), autocommit=True) as session:
                session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def make() -> str:
        drop()
        name = f"k_{secrets.token_hex(6)}"
        made.append(name)
        with psycopg.connect(kill_server.dsn(), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}".encode())
        with psycopg.connect(kill_server.dsn(name), autocommit=True) as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
        return kill_server.dsn(name)

    yield make
    drop()


named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.sql.split("(")[0].strip().replace(" ", "_"))


def test_every_kind_is_killed() -> None:
    assert {case.kind for case in CASES} | {"manual"} >= set(NAMES)


def killed_at(field: Field, fault: str) -> None:
    """Apply, killed at `fault`; then on, and the rollback killed at the same place."""
    before = field.look()
    change_id = field.proposed()
    end(start(field, "apply", change_id, fault))
    next_start(field)
    holds(field, change_id, before)
    state = field.journal.change(change_id).state
    if state in (ChangeState.APPROVED, ChangeState.FAILED_CLEAN, ChangeState.LEFTOVER):
        carry_on(field, change_id)
        assert holds(field, change_id, before) in THERE
    if field.case.undo:
        end(start(field, "rollback", change_id, fault))
        next_start(field)
        holds(field, change_id, before)
    onwards(field, change_id, before)


@named
@pytest.mark.parametrize("fault", FEW)
def test_killed_at_a_boundary(databases: Databases, tmp_path: Path, case: Case, fault: str) -> None:
    killed_at(prepare(databases(), tmp_path / "audit.db", case), fault)


@pytest.mark.deep
@named
@pytest.mark.parametrize("fault", [point for point in BOUNDARIES if point not in FEW])
def test_killed_at_every_other_boundary(databases: Databases, tmp_path: Path, case: Case, fault: str) -> None:
    killed_at(prepare(databases(), tmp_path / "audit.db", case), fault)


def killed_at_random(make: Callable[[Case, int], Field], case: Case, seed: int, count: int) -> int:
    """`count` kills of one case, every other one of the rollback; gives how many came before the end."""
    field = make(case, 0)
    process = start(field, "apply", field.proposed())
    begun = time.monotonic()
    end(process)
    longest = time.monotonic() - begun
    struck = 0
    for place, moment in enumerate(moments(seed, longest, count)):
        field = make(case, place + 1)
        before = field.look()
        change_id = field.proposed()
        if place % 2 and case.undo:
            end(start(field, "apply", change_id))
            process = start(field, "rollback", change_id)
        else:
            process = start(field, "apply", change_id)
        struck += kill_after(process, moment)
        next_start(field)
        holds(field, change_id, before)
        assert twice(field) == []
        onwards(field, change_id, before)
    return struck


@pytest.mark.deep
@named
def test_killed_at_random_moments(databases: Databases, tmp_path: Path, case: Case) -> None:
    count = -(-RANDOM_KILLS // len(CASES))

    def make(case: Case, number: int) -> Field:
        return prepare(databases(), tmp_path / f"audit{number}.db", case)

    struck = killed_at_random(make, case, seed=len(case.sql), count=count)
    assert struck >= count / 3
