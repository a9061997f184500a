"""A change in a process of its own that is killed, the next start after it, and what must hold then."""

from __future__ import annotations

import random
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.approval import give_approval
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.change.reconcile import HELD, RUNNING, reconcile, wait_running
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.models import ChangeState
from optischema_tui.core.target.spec import TargetSpec
from tests.adversity.kill_cases import SETUP, Case
from tests.core.change.killable import REFUSED, Killable, run_change

PROGRAM_LIMITS = Limits(build_lock_ms=20_000, cleanup_lock_ms=5_000, short_retry_seconds=0.05)
QUICK = Limits(
    build_lock_ms=20_000, cleanup_lock_ms=5_000, retry_seconds=0.1, short_retry_seconds=0.05, goodbye_seconds=5.0
)
ABSENT = frozenset({ChangeState.APPROVED, ChangeState.FAILED_CLEAN, ChangeState.ROLLED_BACK})
THERE = frozenset({ChangeState.VERIFYING, ChangeState.KEPT, ChangeState.NEEDS_ATTENTION})
_CALLS = """
SELECT query, calls FROM pg_stat_statements
WHERE query LIKE '/* optischema id=%%' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass
class Field:
    """One database, one journal, one case."""

    dsn: str
    journal: Journal
    path: Path
    case: Case

    @property
    def spec(self) -> TargetSpec:
        params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(self.dsn).items()))
        return TargetSpec("test", params, allow_changes=True)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as session:
            cursor = session.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def look(self) -> str:
        return str(self.sql(self.case.look)[0][0])

    def done(self) -> bool | None:
        """Whether the server shows the whole change; None where it leaves no trace."""
        seen = self.look()
        if self.case.done:
            return self.case.done in seen and "INVALID" not in seen
        return self.case.gone not in seen if self.case.gone else None

    def proposed(self) -> str:
        database = conninfo_to_dict(self.dsn)["dbname"]
        change = propose_written(self.journal, self.spec, self.case.sql.format(database=database))
        assert change.kind == self.case.kind
        return give_approval(self.journal, change, SYSTEM).id


def prepare(dsn: str, path: Path, case: Case) -> Field:
    with psycopg.connect(dsn, autocommit=True) as session:
        # A server that is struck at once still has all that was here before.
        session.execute("SET synchronous_commit = on")
        session.execute(SETUP)
        session.execute("DO $$ BEGIN CREATE ROLE killed_role; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        session.execute("ALTER SYSTEM RESET random_page_cost")
        session.execute("SELECT pg_reload_conf()")
        session.execute("VACUUM ANALYZE")
    return Field(dsn, Journal.open(path), path, case)


def start(field: Field, what: str, change_id: str, fault: str = "") -> Killable:
    """The program, on its way: all is loaded."""
    return Killable(
        run_change, what, field.dsn, str(field.path), change_id,
        limits=PROGRAM_LIMITS, longest_pause=0.3, typed=field.journal.change(change_id).subject, fault=fault,
    )  # fmt: skip


def end(process: Killable, *, server_struck: bool = False) -> bool:
    """Wait for its end; whether it was killed. Fails when it ended by an error that the test has not made."""
    errors = process.communicate(timeout=120)
    assert process.returncode in ((0, REFUSED) if server_struck else (0, -signal.SIGKILL)), errors
    return process.returncode != 0


def kill_after(process: Killable, seconds: float) -> bool:
    """Whether the kill came before its end."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return end(process)


def next_start(field: Field) -> None:
    """What the next start of the program does, until nothing of ours is at work any more."""
    for verdict in reconcile(field.journal, field.spec, limits=QUICK):
        assert verdict.finding != HELD, verdict.reason
        if verdict.finding == RUNNING:
            wait_running(field.journal, field.spec, verdict.change.id, limits=QUICK, every=0.05)


def holds(field: Field, change_id: str, before: str) -> ChangeState:
    """The journal says what the server shows, nothing broken is left, nobody of ours is at work."""
    change = field.journal.change(change_id)
    done, seen = field.done(), field.look()
    told = f"{change.state}: {change.detail.get('result')}\n{seen}"
    assert "INVALID" not in seen or change.state is ChangeState.LEFTOVER, told
    if any(undo.rolls_back == change_id for undo in field.journal.changes(states={ChangeState.LEFTOVER})):
        assert change.state is ChangeState.NEEDS_ATTENTION, told
    elif change.state in ABSENT:
        assert done is not True, told
        assert seen == before, told
    elif change.state in THERE:
        assert done is not False, told
    else:
        assert change.state is ChangeState.LEFTOVER, told
        assert done is not True or len(change.steps) > 1, told
    assert field.sql("SELECT 1 FROM pg_class WHERE relname ~ '_cc(new|old)[0-9]*$'") == []
    assert field.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'") == []
    assert field.journal.verify().ok
    return change.state


def twice(field: Field) -> list[str]:
    """Statements of changes that the server has completed more than once, those left out of which that does no harm.

    Asked after one apply and at most one rollback.
    """
    found = []
    for query, calls in field.sql(_CALLS):
        body = str(query).split("*/", 1)[1].strip()
        if calls > 1 and not body.upper().startswith(field.case.repeatable):
            found.append(f"{calls} times: {body}")
    return found


def carry_on(field: Field, change_id: str) -> None:
    typed = field.journal.change(change_id).subject
    apply_change(field.journal, field.spec, change_id, limits=QUICK, pause=lambda seconds: False, typed=typed)


def onwards(field: Field, change_id: str, before: str) -> None:
    """From whatever the kill has left: to the end of the change, and back."""
    state = field.journal.change(change_id).state
    if state in (ChangeState.APPROVED, ChangeState.FAILED_CLEAN, ChangeState.LEFTOVER):
        carry_on(field, change_id)
        assert holds(field, change_id, before) in THERE
        assert field.done() is not False
    if field.case.undo and field.journal.change(change_id).state is not ChangeState.ROLLED_BACK:
        roll_back(field.journal, field.spec, change_id, limits=QUICK, pause=lambda seconds: False)
    if field.case.undo:
        assert field.look() == before
        assert holds(field, change_id, before) is ChangeState.ROLLED_BACK
    assert twice(field) == []


def moments(seed: int, longest: float, count: int) -> list[float]:
    """`count` moments in seconds, spread over a run of that length and drawn by `seed`."""
    drawn = random.Random(seed)
    return [longest * (place + drawn.random()) / count for place in range(count)]
