from __future__ import annotations

import random

import pytest

from optischema_tui.core.models import ActivitySample, Reading, Session
from optischema_tui.core.workload.waits import (
    CPU,
    NOT_LISTED,
    Blocked,
    blocking_tree,
    top_waits,
    wait_points,
)


def session(pid: int, wait: str = "", *, state: str = "active", queryid: int | None = None, **more) -> Session:
    kind, _, event = wait.partition(":")
    fields = {"backend_type": "client backend", "database": "shop", "role": "app", "application": "", "client": ""}
    return Session(
        pid, **(fields | {name: more.pop(name) for name in list(more) if name in fields}), state=state, wait_type=kind,
        wait_event=event, queryid=queryid, query="", xact_seconds=None, query_seconds=None, **more,
    )  # fmt: skip


def sample(at: float, *sessions: Session, left_out: int = 0) -> ActivitySample:
    return ActivitySample(at, at, at, sessions, left_out=left_out)


def test_average_active_sessions_by_class():
    samples = [
        sample(10.0, session(1), session(2, "IO:DataFileRead")),
        sample(11.0, session(1, "IO:WalSync"), session(2, "IO:DataFileRead")),
        sample(12.0),
        sample(13.0, session(1)),
    ]

    (point,) = wait_points(samples, 10.0)

    assert (point.at, point.seconds, point.samples, point.breaks) == (20.0, 10.0, 4, False)
    assert point.by_class == (("IO", 0.75), (CPU, 0.5))


@pytest.mark.parametrize(
    "idle",
    [
        session(1, "Client:ClientRead", state="idle"),
        session(1, "Client:ClientRead", state="idle in transaction"),
        session(1, "Activity:AutoVacuumMain"),
        session(1, "Client:WalSenderWaitForWal", backend_type="walsender"),
        session(1, state=""),
    ],
)
def test_who_waits_for_work_is_not_active(idle):
    assert wait_points([sample(1.0, idle)], 10.0)[0].by_class == ()
    assert top_waits([sample(1.0, idle)]) == ()


def test_a_client_that_does_not_take_its_rows_is_waited_for():
    assert wait_points([sample(1.0, session(1, "Client:ClientWrite"))], 10.0)[0].by_class == (("Client", 1.0),)


def test_missing_samples_break_the_line_and_full_samples_say_so():
    points = wait_points([sample(5.0), sample(15.0), sample(45.0, session(1), left_out=3), sample(2.0)], 10.0)

    assert [(point.at, point.breaks) for point in points] == [(10, False), (20, False), (50, True), (10, True)]
    assert points[2].by_class == ((NOT_LISTED, 3.0), (CPU, 1.0))
    assert wait_points([], 10.0) == ()


def test_what_is_waited_for_most():
    samples = [
        sample(1.0, session(1, "Lock:tuple", queryid=7), session(2, queryid=7), session(3, queryid=8)),
        sample(2.0, session(1, "Lock:tuple", queryid=7)),
    ]

    waits = top_waits(samples)
    assert [(one.wait_type, one.wait_event, one.average, one.share) for one in waits] == [
        (CPU, CPU, 1.0, 0.5),
        ("Lock", "tuple", 1.0, 0.5),
    ]


def test_a_tree_of_those_who_wait():
    seen = sample(
        1.0,
        session(20, "Lock:relation", blocked_by=(10,)),
        session(30, "Lock:relation", blocked_by=(20, 10)),
        session(40, "Lock:tuple", blocked_by=(30,)),
        session(60, "Lock:transactionid", blocked_by=(0,)),
    )

    assert blocking_tree(seen) == (
        Blocked(10, 0, (), 3),
        Blocked(20, 1, (10,), 0),
        Blocked(30, 1, (20, 10), 1),
        Blocked(40, 2, (30,), 0),
        Blocked(0, 0, (), 1),
        Blocked(60, 1, (0,), 0),
    )
    assert blocking_tree(sample(1.0, session(1))) == ()


def test_a_deadlock_has_a_root_too():
    seen = sample(1.0, session(1, blocked_by=(2,)), session(2, blocked_by=(3,)), session(3, blocked_by=(2,)))

    tree = blocking_tree(seen)

    assert [(line.pid, line.depth, line.cycle) for line in tree] == [(2, 0, True), (1, 1, False), (3, 1, False)]
    assert tree[0].behind == 2
    assert [line.pid for line in blocking_tree(sample(1.0, session(5, blocked_by=(5,))))] == [5]


def test_the_tree_of_a_reading_of_locks():
    reading = Reading("locks", 1.0, 1.0, 1.0, ("blocked_pid", "blocking_pid"), ((2, 1), (3, 1), (3, 2), (None, 4)))

    assert [(line.pid, line.depth, line.blocked_by) for line in blocking_tree(reading)] == [
        (1, 0, ()),
        (2, 1, (1,)),
        (3, 1, (1, 2)),
    ]


def test_everyone_who_waits_or_is_waited_for_stands_in_the_tree_once():
    for seed in range(300):
        check_tree(random.Random(seed))


def check_tree(chance: random.Random) -> None:
    pids = range(1, chance.randint(2, 12))
    sessions = [
        session(pid, blocked_by=tuple(chance.choices((0, *pids), k=chance.randint(1, 3))))
        for pid in pids
        if chance.random() < 0.8
    ]

    tree = blocking_tree(sample(1.0, *sessions))

    waiting = {one.pid for one in sessions}
    blocking = {pid for one in sessions for pid in one.blocked_by}
    assert sorted(line.pid for line in tree) == sorted(waiting | blocking)
    assert sum(line.behind + 1 for line in tree if line.depth == 0) == len(tree)
    for place, line in enumerate(tree):
        assert line.depth == 0 or any(above.depth == line.depth - 1 for above in tree[:place])
        assert line.depth > 0 or line.cycle == (line.pid in waiting)
