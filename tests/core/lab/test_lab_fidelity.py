"""How far the lab agrees with the target, statement by statement, without loading the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from optischema_tui.core.clock import Clock
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.errors import ServerLost
from optischema_tui.core.lab.check import own_texts, plan_on_target
from optischema_tui.core.lab.fidelity import fidelity
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.workload.statement import WorkloadStatement

STATEMENTS = [
    WorkloadStatement("SELECT * FROM job WHERE state = $1", queryid=1),
    WorkloadStatement("SELECT * FROM job WHERE id = 7", queryid=2),
    WorkloadStatement("SELECT * FROM no_such_table", queryid=3),
    WorkloadStatement("SELECT", queryid=4, problem="Its text is longer than the part that is kept"),
]
DRAWN = {
    1: [
        ("SELECT * FROM job WHERE state = 'new'", "state = 'new'"),
        ("SELECT * FROM job WHERE state = 'done'", "state = 'done'"),
    ]
}


@pytest.fixture
def jobs(fresh_db: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(
            "CREATE TABLE job AS SELECT i AS id, CASE WHEN i % 200 = 0 THEN 'new' ELSE 'done' END AS state"
            " FROM generate_series(1, 40000) i"
        )
        session.execute("CREATE INDEX job_state ON job (state); CREATE UNIQUE INDEX job_id ON job (id)")
        session.execute("VACUUM ANALYZE job")
        yield session


def test_values_are_compared_and_nothing_is_executed(jobs: psycopg.Connection[Any], binaries: Binaries) -> None:
    read = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'job'"
    with Lab.build(read_image(jobs), binaries) as lab:
        jobs.execute("SELECT pg_stat_force_next_flush()")
        before = jobs.execute(read).fetchone()
        found = fidelity(jobs, lab, STATEMENTS, DRAWN)
        jobs.execute("SELECT pg_stat_force_next_flush()")
        assert jobs.execute(read).fetchone() == before
        assert {queryid: (each.same_shape, each.cost_error, bool(each.error)) for queryid, each in found.items()} == {
            1: (True, 0.0, False),
            2: (True, 0.0, False),
            3: (False, 0.0, True),
            4: (False, 0.0, True),
        }
        assert found[4].error.startswith("Its text is longer")
        jobs.execute("DROP INDEX job_state")
        worse = fidelity(jobs, lab, STATEMENTS[:2], DRAWN)
        assert worse[1].text == DRAWN[1][0][0]
        assert (worse[1].same_shape, worse[1].cost_error > 0.5) == (False, True)
        assert worse[2].same_shape


class _Slow(Clock):
    """Time that passes with every look at it."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


def test_the_target_is_not_asked_for_long(jobs: psycopg.Connection[Any]) -> None:
    texts = own_texts([WorkloadStatement(f"SELECT {number}", queryid=number) for number in range(30)])
    few = plan_on_target(jobs, texts, most=5)
    assert [each.plan is not None for each in few] == [True] * 5 + [False] * 25
    assert few[-1].error == "Not asked: 5 texts are enough of a load"
    slow = plan_on_target(jobs, texts, clock=_Slow(3.0))
    assert [each.plan is not None for each in slow] == [True] + [False] * 29
    assert slow[-1].error == "Not asked: the target answers slowly"
    long = plan_on_target(jobs, texts, seconds=5, clock=_Slow(0.5))
    assert 3 <= sum(each.plan is not None for each in long) <= 6
    assert long[-1].error == "Not asked: the target has planned for 5 seconds"


def test_a_lost_target_is_an_error(jobs: psycopg.Connection[Any], fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (jobs.info.backend_pid,))
    with pytest.raises(ServerLost):
        plan_on_target(jobs, own_texts(STATEMENTS[:2]))
