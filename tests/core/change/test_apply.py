"""The whole way on a real server: approve, apply, verify, roll back; and what happens when something is in the way."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.ids import application_name, short, uuid7
from optischema_tui.core.change.protocol import apply_change, approve, roll_back
from optischema_tui.core.change.reconcile import reconcile
from optischema_tui.core.change.session import work_session
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import ChangeFailed, ChangeRefused, StorageError
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check, IndexSpec, Level
from optischema_tui.core.target.session import open_session

Bench = Any
"""See conftest."""


@contextmanager
def snapshot_held(bench: Bench) -> Iterator[psycopg.Connection[Any]]:
    """A session in a transaction with an old snapshot of this database, on another table."""
    with psycopg.connect(bench.dsn) as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("SELECT count(*) FROM pg_class")
        yield session


@contextmanager
def writer_open(bench: Bench) -> Iterator[int]:
    """A transaction that has written the table and not ended; its pid."""
    with psycopg.connect(bench.dsn) as session:
        session.execute("UPDATE items SET note = 'y' WHERE id = 1")
        yield session.info.backend_pid


@contextmanager
def reader_open(bench: Bench) -> Iterator[int]:
    with psycopg.connect(bench.dsn) as session:
        session.execute("SELECT * FROM items LIMIT 1")
        yield session.info.backend_pid


def test_uuid7_sorts_by_time_and_is_well_formed() -> None:
    clock = FixedClock()
    first = uuid7(clock)
    clock.advance(0.002)
    second = uuid7(clock)
    assert first < second
    assert first[14] == "7"
    assert first[19] in "89ab"
    assert short(first) != short(second)


def test_apply_then_roll_back(bench: Bench) -> None:
    change = bench.approved()
    assert change.state is ChangeState.APPROVED
    checks: list[Check] = []
    applied = apply_change(bench.journal, bench.spec, change.id, on_check=checks.append, limits=bench.quick)

    assert applied.state is ChangeState.VERIFYING
    assert bench.index_state() == "valid"
    assert applied.detail["plans"] == [{"queryid": 42, "uses": True, "due": True, "error": ""}]
    assert len(checks) >= 15
    assert all(check.level is not Level.BLOCK for check in checks)
    assert bench.events(change.id) == [
        "change.proposed", "change.approved", "change.preflight", "change.intent", "change.executing",
        "change.applied", "change.verifying",
    ]  # fmt: skip
    intent = next(entry for entry in bench.journal.entries() if entry.event == "change.intent")
    assert intent.body["sql"] == change.forward_sql
    assert intent.body["database"]["session_user"] == "postgres"
    assert intent.body["who"]["os_user"]

    undone = roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert undone.id == change.id
    assert undone.state is ChangeState.ROLLED_BACK
    assert bench.index_state() == "absent"
    undo = bench.journal.change(undone.detail["undone_by"])
    assert (undo.state, undo.kind, undo.rolls_back) == (ChangeState.KEPT, "drop_index", change.id)
    assert bench.journal.verify().ok
    with pytest.raises(ChangeRefused):
        roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)


def test_it_can_be_approved_and_applied_again_after_a_rollback(bench: Bench) -> None:
    first = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    with pytest.raises(ChangeRefused, match="already"):
        bench.approved()
    roll_back(bench.journal, bench.spec, first.id, limits=bench.quick)
    second = bench.approved()
    assert second.id != first.id
    assert apply_change(bench.journal, bench.spec, second.id, limits=bench.quick).state is ChangeState.VERIFYING


def test_the_undo_of_an_undo_builds_the_same_index(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    undone = roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)
    redone = roll_back(bench.journal, bench.spec, undone.detail["undone_by"], limits=bench.quick)
    assert redone.state is ChangeState.ROLLED_BACK
    assert bench.index_state() == "valid"


@pytest.mark.parametrize(
    "index",
    [
        IndexSpec("public", "items", ("order_id", "id"), (True, False)),
        IndexSpec("public", "items", ("note",), (), ("order_id",)),
        IndexSpec("public", "items", ("id",), (), (), "note = 'open' AND order_id IS NOT NULL"),
        IndexSpec("public", "items", ("id",), (), (), "order_id IN (1, 2, 3)"),
        IndexSpec("public", "items", ("id",), (), (), "note IN ('a', 'B c') AND order_id > 5"),
        IndexSpec("public", "items", ("id",), (), (), "note = 'a' OR order_id <> 7"),
    ],
    ids=lambda index: index.predicate or ",".join(index.columns),
)
def test_every_shape_is_recognised_as_the_approved_one(bench: Bench, index: IndexSpec) -> None:
    bench.index, bench.name = index, 'odd "name" é'
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    assert bench.index_state() == "valid"
    assert not change.detail["error"]
    roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert bench.index_state() == "absent"


def test_an_unused_index_needs_attention_and_may_be_rolled_back(bench: Bench) -> None:
    bench.index = IndexSpec("public", "items", ("note",))
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    assert change.state is ChangeState.NEEDS_ATTENTION
    assert "0 of 1" in change.detail["result"]
    assert roll_back(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK


def test_drop_of_an_existing_index_and_back(bench: Bench) -> None:
    bench.sql('CREATE INDEX "items_order_id_os1" ON items (order_id)')
    change = bench.approved("drop_index")
    dropped = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert dropped.state is ChangeState.VERIFYING
    assert bench.index_state() == "absent"
    assert roll_back(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK
    assert bench.index_state() == "valid"


def test_rollback_of_an_index_that_somebody_dropped_sets_the_journal_right(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    bench.sql(f"DROP INDEX {bench.name}")
    assert roll_back(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK


def test_progress_names_the_blocker(bench: Bench) -> None:
    seen: list[BuildProgress] = []
    blocked = threading.Event()

    change = bench.approved()
    result: list[Any] = []
    with snapshot_held(bench) as blocker:
        pid = blocker.info.backend_pid

        def tell(progress: BuildProgress) -> None:
            seen.append(progress)
            if progress.blocker_pid == pid and progress.phase == "waiting for old snapshots":
                blocked.set()

        work = threading.Thread(
            target=lambda: result.append(apply_change(bench.journal, bench.spec, change.id, on_progress=tell))
        )
        work.start()
        assert blocked.wait(20)
        assert 0 <= seen[-1].done < seen[-1].total
        assert bench.journal.change(change.id).state is ChangeState.EXECUTING
    work.join(20)
    assert result[0].state is ChangeState.VERIFYING


def test_cancel_leaves_nothing(bench: Bench) -> None:
    cancel = threading.Event()

    def tell(progress: BuildProgress) -> None:
        if progress.blocker_pid:
            cancel.set()

    change = bench.approved()
    with snapshot_held(bench), pytest.raises(ChangeFailed, match="You cancelled it"):
        apply_change(bench.journal, bench.spec, change.id, on_progress=tell, cancel=cancel)
    assert bench.index_state() == "absent"
    assert bench.journal.change(change.id).state is ChangeState.FAILED_CLEAN
    assert apply_change(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.VERIFYING


def test_a_lock_timeout_is_tried_again_after_a_wait(bench: Bench) -> None:
    waits: list[float] = []
    change = bench.approved()
    with snapshot_held(bench) as blocker:

        def pause(seconds: float) -> bool:
            waits.append(seconds)
            blocker.rollback()
            return False

        applied = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick, pause=pause)
        assert applied.state is ChangeState.VERIFYING
    assert len(waits) == 1
    assert 1.0 <= waits[0] <= 1.5
    assert "change.retry" in bench.events(change.id)
    assert bench.index_state() == "valid"


def test_attempts_are_bounded_and_leave_nothing(bench: Bench) -> None:
    waits: list[float] = []
    change = bench.approved()
    with snapshot_held(bench), pytest.raises(ChangeFailed, match="lock could not be had"):
        apply_change(
            bench.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: bool(waits.append(seconds))
        )
    assert len(waits) == bench.quick.attempts - 1
    assert bench.index_state() == "absent"


def test_a_leftover_that_cannot_be_dropped_is_named_and_removed_later(bench: Bench) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn) as holder:
        cancel = threading.Event()

        def tell(progress: BuildProgress) -> None:
            cancel.set()

        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT * FROM items LIMIT 1")
        with pytest.raises(ChangeFailed, match="something is left"):
            apply_change(
                bench.journal, bench.spec, change.id, limits=bench.quick, on_progress=tell, cancel=cancel,
                pause=lambda seconds: False,
            )  # fmt: skip
        assert bench.index_state() == "invalid"
        assert reconcile(bench.journal, bench.spec, limits=bench.quick)[0].change.state is ChangeState.LEFTOVER
    verdicts = reconcile(bench.journal, bench.spec, limits=bench.quick)
    assert [(verdict.was, verdict.change.state) for verdict in verdicts] == [
        (ChangeState.LEFTOVER, ChangeState.FAILED_CLEAN)
    ]
    assert bench.index_state() == "absent"


def test_a_half_drop_is_finished_by_the_next_attempt(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    with reader_open(bench), pytest.raises(ChangeFailed):
        roll_back(bench.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: False)
    assert bench.journal.change(change.id).state is ChangeState.VERIFYING
    reconcile(bench.journal, bench.spec, limits=bench.quick)
    assert bench.index_state() == "absent"
    assert bench.journal.change(change.id).state is ChangeState.ROLLED_BACK


def test_the_session_is_named_and_its_sql_carries_the_change(bench: Bench) -> None:
    shown: list[tuple[Any, ...]] = []
    change = bench.approved()

    named = "SELECT query FROM pg_stat_activity WHERE application_name = %s"
    with snapshot_held(bench) as blocker:

        def tell(progress: BuildProgress) -> None:
            if progress.blocker_pid and not shown:
                shown.extend(bench.sql(named, application_name(change.id)))
                blocker.rollback()

        apply_change(bench.journal, bench.spec, change.id, on_progress=tell)
    assert shown[0][0].startswith(f"/* optischema id={change.id} head=")
    assert shown[0][0].endswith(change.forward_sql)


def test_the_whole_way_on_postgresql_15(fresh_old_db: str, bench_on: Any) -> None:
    bench = bench_on(fresh_old_db)
    told: list[Check] = []
    change = apply_change(bench.journal, bench.spec, bench.approved().id, on_check=told.append, limits=bench.quick)
    assert change.detail["plans"][0]["uses"]
    assert all(check.level is Level.PASS for check in told), told
    assert roll_back(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK
    assert bench.index_state() == "absent"


def test_the_time_of_a_build_is_bounded(bench: Bench) -> None:
    change = bench.approved()
    with snapshot_held(bench), pytest.raises(ChangeFailed, match="its time ran out"):
        apply_change(
            bench.journal, bench.spec, change.id, limits=replace(bench.quick, budget_ms=200, build_lock_ms=20_000)
        )
    assert bench.index_state() == "absent"
    assert "change.retry" not in bench.events(change.id)


class FailingJournal:
    """A journal whose disk is full for one event."""

    def __init__(self, journal: Any, event: str) -> None:
        self._journal = journal
        self._event = event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def save(self, change: Any, event: str, body: Any, evidence: Any = None, expected: Any = None) -> Any:
        if event == self._event:
            raise StorageError("The audit journal cannot be written", "No space left on device")
        return self._journal.save(change, event, body, evidence, expected)


def test_without_a_durable_intent_nothing_is_sent(bench: Bench) -> None:
    change = bench.approved()
    full: Any = FailingJournal(bench.journal, "change.intent")
    with pytest.raises(StorageError):
        apply_change(full, bench.spec, change.id, limits=bench.quick)
    sent = (
        "SELECT 1 FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
        " WHERE d.datname = current_database() AND query LIKE '%CREATE INDEX CONCURRENTLY%'"
    )
    assert bench.sql(sent) == []
    assert reconcile(bench.journal, bench.spec, limits=bench.quick)[0].change.state is ChangeState.APPROVED
    apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert bench.sql(sent) == [(1,)]


def test_a_result_that_could_not_be_written_is_found_at_the_next_start(bench: Bench) -> None:
    change = bench.approved()
    full: Any = FailingJournal(bench.journal, "change.applied")
    with pytest.raises(StorageError):
        apply_change(full, bench.spec, change.id, limits=bench.quick)
    assert bench.index_state() == "valid"
    assert reconcile(bench.journal, bench.spec, limits=bench.quick)[0].change.state is ChangeState.VERIFYING


def test_a_build_that_outlives_its_connection_is_followed_to_its_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[psycopg.Connection[Any]] = []

    def keep(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:
        opened.append(open_session(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr("optischema_tui.core.change.session.open_session", keep)
    change = bench.approved()
    phases: list[str] = []
    with snapshot_held(bench) as blocker:

        def tell(progress: BuildProgress) -> None:
            phases.append(progress.phase)
            if progress.blocker_pid and len(opened) == 1:
                with socket.socket(fileno=os.dup(opened[0].fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)
            elif len(opened) > 1 and bench.journal.change(change.id).state is ChangeState.EXECUTING:
                blocker.rollback()

        applied = apply_change(bench.journal, bench.spec, change.id, on_progress=tell)
    assert applied.state is ChangeState.VERIFYING
    assert bench.index_state() == "valid"
    events = bench.events(change.id)
    assert events[events.index("change.unknown") :] == [
        "change.unknown", "change.executing", "change.reconciled", "change.applied", "change.verifying",
    ]  # fmt: skip


def test_two_operators_with_their_own_journals_race_and_one_applies(bench: Bench, tmp_path: Path) -> None:
    other = Journal.open(tmp_path / "other" / "audit.db")
    for _ in range(4):
        mine = bench.approved()
        theirs = approve(other, bench.recommendation(), bench.identity, bench.dsn)
        ready, results = threading.Barrier(2), []

        def work(journal: Any, change_id: str, ready: Any = ready, results: list[Any] = results) -> None:
            ready.wait()
            try:
                results.append(apply_change(journal, bench.spec, change_id, limits=bench.quick))
            except ChangeRefused as refused:
                results.append(refused)

        workers = [threading.Thread(target=work, args=pair) for pair in ((bench.journal, mine.id), (other, theirs.id))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        applied = [result for result in results if isinstance(result, Change)]
        assert [type(result) for result in results].count(ChangeRefused) == 1, results
        assert [change.state for change in applied] == [ChangeState.VERIFYING]
        winner = bench.journal if applied[0].id == mine.id else other
        roll_back(winner, bench.spec, applied[0].id, limits=bench.quick)
        assert bench.index_state() == "absent"
    other.close()


def test_two_operators_race_and_one_applies(bench: Bench) -> None:
    for round_number in range(6):
        bench.name = f"race_{round_number}"
        bench.index = IndexSpec("public", "items", ("order_id", "id"), (bool(round_number % 2), bool(round_number & 2)))
        change = bench.approved()
        ready, results = threading.Barrier(2), []

        def work(change_id: str = change.id, ready: threading.Barrier = ready, results: list[Any] = results) -> None:
            ready.wait()
            try:
                results.append(apply_change(bench.journal, bench.spec, change_id, limits=bench.quick).state)
            except ChangeRefused as refused:
                results.append(refused)

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        applied = [result for result in results if isinstance(result, ChangeState)]
        assert len(results) == 2
        assert len(applied) == 1, results
        assert bench.events(change.id).count("change.intent") == 1
        assert bench.index_state() == "valid"
        roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)


def test_what_is_called_done_is_on_the_disk(bench: Bench) -> None:
    """Where the server does not wait for the disk at a commit, the session of a change does."""
    bench.sql(f"ALTER DATABASE {bench.sql('SELECT current_database()')[0][0]} SET synchronous_commit = off")
    with work_session(bench.spec, bench.approved(), bench.quick) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("local",)
