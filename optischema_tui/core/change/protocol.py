"""The apply protocol: preflight, intent, execution, verification, and the way back.

`approve` and `judge` stand beside it; `reconcile` is for what a killed program left.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.approval import approve, begin, give_approval, propose
from optischema_tui.core.change.catalog import CREATE, DROP, Outcome, see_index
from optischema_tui.core.change.execute import End, Ended, Tell, run_ddl
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.ids import uuid7
from optischema_tui.core.change.judge import enough, judge, keep
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.preflight import Say, changes_allowed, refusal, run_checks
from optischema_tui.core.change.reconcile import reconcile_change
from optischema_tui.core.change.session import describe, lock_or_holder, who, work_session
from optischema_tui.core.change.settle import STATE_OF, marked, settle
from optischema_tui.core.change.states import BEGINNABLE, EDGES, UNDOABLE
from optischema_tui.core.change.verify import finish_applied, record_applied
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeFailed, ChangeRefused, OptischemaError, TargetError
from optischema_tui.core.models import Change, ChangeState, Check, Level, digest
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg

    from optischema_tui.core.audit.journal import Journal

__all__ = ["apply_change", "approve", "enough", "judge", "keep", "preflight", "propose", "roll_back"]

Pause = Callable[[float], bool]
"""Waits that many seconds; True when the person cancelled meanwhile. `threading.Event.wait` is one."""

_IN_FORCE = UNDOABLE | {ChangeState.EXECUTING, ChangeState.INTENT}


def _no_check(check: Check) -> None:
    """Nobody watches the preflight."""


def _no_progress(progress: Any) -> None:
    """Nobody watches the build."""


def preflight(
    journal: Journal,
    spec: TargetSpec,
    change_id: str,
    *,
    clock: Clock = SYSTEM,
    on_check: Say = _no_check,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> tuple[Check, ...]:
    """Every line of the preflight of a change; changes nothing and moves no state. Raises TargetError."""
    change = journal.change(change_id)
    with work_session(spec, change, limits) as connection:
        holder = lock_or_holder(connection, change, limits)
        return _check(connection, journal, change, spec, clock, limits, holder, on_check)


def apply_change(
    journal: Journal,
    spec: TargetSpec,
    change_id: str,
    *,
    clock: Clock = SYSTEM,
    on_check: Say = _no_check,
    on_progress: Tell = _no_progress,
    cancel: threading.Event | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    pause: Pause | None = None,
) -> Change:
    """Carry out an approved change; gives it in state `verifying` or `needs_attention` (a drop: `kept`).

    Raises ChangeRefused when nothing was begun (the change stays approved), and ChangeFailed when it was begun and is
    not done: the journal then says `failed_clean`, `leftover`, `unknown`, `executing` or `needs_attention`. TargetError
    when the server cannot be reached; StorageError when an intent or a result cannot be made durable. `on_progress` is
    called in another thread. `pause` stands for the waits between attempts.
    """
    change = journal.change(change_id)
    _refuse_unless_beginnable(journal, change, spec, clock)
    reach("before_preflight")
    stop = cancel or threading.Event()
    with work_session(spec, change, limits) as connection:
        holder = lock_or_holder(connection, change, limits)
        # Only the holder of the lock writes the change's state: whoever came first may have moved it on already.
        change = journal.change(change.id)
        if holder is not None:
            busy = ChangeRefused("Another index change on this table is at work", describe(holder), "Wait for its end")
            raise _refuse(journal, change, clock, busy)
        _refuse_unless_beginnable(journal, change, spec, clock)
        run = _Run(connection, spec, Ledger(journal, change, clock), limits, on_check, on_progress, stop)
        ended = run.go(pause or stop.wait)
    if ended.end is End.LOST:
        _find_out(journal, spec, change, clock, limits, pause or stop.wait)
    return _result(journal.change(change.id))


class _Run:
    """One application of one change on one session that holds the change's lock."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        spec: TargetSpec,
        ledger: Ledger,
        limits: Limits,
        on_check: Say,
        on_progress: Tell,
        cancel: threading.Event,
    ) -> None:
        self.connection = connection
        self.spec = spec
        self.ledger = ledger
        self.limits = limits
        self.on_check = on_check
        self.on_progress = on_progress
        self.cancel = cancel

    def go(self, pause: Pause) -> Ended:
        """From preflight to the last state this session can reach."""
        import psycopg

        self._preflight()
        self._announce()
        try:
            ended = self._execute(pause)
            if ended.end is not End.LOST:
                return self._settle(ended)
        except psycopg.Error as error:
            if not self.connection.closed:
                raise
            ended = Ended(End.LOST, error.sqlstate or "", "The connection to the server was lost")
        if ChangeState.UNKNOWN in EDGES[self.ledger.change.state]:
            self.ledger.move(ChangeState.UNKNOWN, ended.why, body={"sqlstate": ended.sqlstate}, error=ended.why)
        return ended

    def _execute(self, pause: Pause) -> Ended:
        """Send the statement, at most `Limits.attempts` times, until it ended in another way than by a lock."""
        if self.ledger.change.kind == DROP and see_index(self.connection, self.ledger.change) is None:
            return Ended(End.DONE)
        attempt = 0
        while True:
            attempt += 1
            reach("before_execute")
            ended = run_ddl(
                self.connection, self.spec, self.ledger.change, marked(self.ledger, self.ledger.change.forward_sql),
                lock_ms=self.limits.build_lock_ms, limits=self.limits, on_progress=self.on_progress, cancel=self.cancel,
            )  # fmt: skip
            reach("after_execute")
            if not self._again(ended, attempt, pause):
                return ended

    def _preflight(self) -> None:
        """Raises ChangeRefused, with the change back in `approved`, when a line blocks or the checks cannot be done."""
        import psycopg

        ledger = self.ledger
        ledger.move(ChangeState.PREFLIGHT, "Preflight begun")
        try:
            ledger.database = who(self.connection)
            checks = _check(
                self.connection,
                ledger.journal,
                ledger.change,
                self.spec,
                ledger.clock,
                self.limits,
                None,
                self.on_check,
            )
        except (psycopg.Error, OptischemaError):
            ledger.move(ChangeState.APPROVED, "The preflight could not be finished; nothing was sent")
            raise
        error = refusal(checks)
        if error is None and self.cancel.is_set():
            error = ChangeRefused("The change was cancelled before it began", todo="Nothing was sent to the server")
        if error is not None:
            ledger.move(ChangeState.APPROVED, error.sentence, body={"checks": _as_json(checks)})
            raise error
        reach("after_preflight")
        self.checks = checks

    def _announce(self) -> None:
        """The intent is on the disk before the first word of the SQL leaves."""
        ledger, change = self.ledger, self.ledger.change
        seen = see_index(self.connection, change)
        announced: dict[str, Any] = {
            "backend_pid": ledger.database["backend_pid"],
            "backend_start": ledger.database["backend_start"],
            "intent_at": ledger.clock.wall(),
        }
        if change.kind == DROP and seen is not None:
            announced["definition"] = seen.definition
        reach("before_intent")
        ledger.move(
            ChangeState.INTENT,
            "What will be done is recorded",
            body={
                **announced,
                "sql": change.forward_sql,
                "inverse_sql": change.inverse_sql,
                "expected": change.detail.get("spec"),
                "checks": _as_json(self.checks),
                "budget_ms": self.limits.budget_ms,
                "lock_ms": self.limits.build_lock_ms,
            },
            **announced,
        )
        reach("after_intent")
        ledger.move(ChangeState.EXECUTING, "The statement is sent")

    def _again(self, ended: Ended, attempt: int, pause: Pause) -> bool:
        """Whether another attempt is due, after the wait for it, with nothing left of the last one."""
        if ended.end is not End.AGAIN or attempt >= self.limits.attempts or self.cancel.is_set():
            return False
        found, _ = settle(self.connection, self.spec, self.ledger, self.limits, self.on_progress)
        if found is not Outcome.NOT_DONE:
            return False
        seconds = self.limits.retry_seconds * (1 + random.random() / 2)
        self.ledger.note("retry", f"{ended.why}. Attempt {attempt + 1} in {seconds:.0f} s", sqlstate=ended.sqlstate)
        return not pause(seconds) and not self.cancel.is_set()

    def _settle(self, ended: Ended) -> Ended:
        found, reason = settle(
            self.connection, self.spec, self.ledger, self.limits, self.on_progress, just_built=ended.end is End.DONE
        )
        if found is Outcome.DONE:
            record_applied(self.connection, self.ledger, reason)
            finish_applied(self.connection, self.ledger)
            return Ended(End.DONE)
        told = f"{ended.why}. {reason}" if ended.why else reason
        self.ledger.move(STATE_OF[found], told, body={"sqlstate": ended.sqlstate}, error=told)
        return ended


def _check(
    connection: psycopg.Connection[Any],
    journal: Journal,
    change: Change,
    spec: TargetSpec,
    clock: Clock,
    limits: Limits,
    holder: dict[str, Any] | None,
    on_check: Say,
) -> tuple[Check, ...]:
    others = journal.changes(fingerprint=change.target.fingerprint, states=_IN_FORCE)
    since = change.rolls_back or change.id
    later = tuple(
        other
        for other in others
        if (other.schema, other.table) == (change.schema, change.table) and since < other.id != change.id
        if other.kind == CREATE
    )
    return run_checks(
        connection, change, spec, now=clock.wall(), limits=limits, holder=holder, later=later, on_check=on_check
    )


def _as_json(checks: tuple[Check, ...]) -> list[dict[str, str]]:
    """Passed lines by name only: the journal keeps what mattered."""
    return [
        {"name": check.name, "level": str(check.level), "reason": "" if check.level is Level.PASS else check.reason}
        for check in checks
    ]


def _refuse_unless_beginnable(journal: Journal, change: Change, spec: TargetSpec, clock: Clock) -> None:
    allowed = changes_allowed(spec)
    if allowed.level is Level.BLOCK:
        raise _refuse(journal, change, clock, ChangeRefused("Changes are off for this target", allowed.reason))
    if change.state not in BEGINNABLE:
        error = ChangeRefused(f"The change is {change.state}", "Only an approved change can be applied")
        raise _refuse(journal, change, clock, error)


def _refuse(journal: Journal, change: Change, clock: Clock, error: ChangeRefused) -> ChangeRefused:
    Ledger(journal, change, clock).note("refused", error.sentence)
    return error


def _find_out(journal: Journal, spec: TargetSpec, change: Change, clock: Clock, limits: Limits, pause: Pause) -> None:
    """After a lost session: look at the server again, a few times. Nothing is sent a second time."""
    for attempt in range(limits.reconnects):
        try:
            reconcile_change(journal, spec, change.id, clock=clock, limits=limits)
            return
        except TargetError:
            if pause(float(2**attempt)):
                return


def _result(change: Change) -> Change:
    """The change when it is on the server; ChangeFailed else."""
    done = (ChangeState.VERIFYING, ChangeState.KEPT, ChangeState.APPLIED)
    if change.state in done or (change.state is ChangeState.NEEDS_ATTENTION and not change.detail.get("error")):
        return change
    todo = {
        ChangeState.FAILED_CLEAN: "Nothing is left of it on the server; it may be applied again",
        ChangeState.LEFTOVER: "An invalid index is left; the next start, or `changes`, tries again to remove it",
        ChangeState.UNKNOWN: "The next connection finds out what became of it",
        ChangeState.EXECUTING: "The server still works on it; the next connection follows it",
    }.get(change.state, "Look at it in the list of changes")
    told = change.detail.get("error") or change.detail.get("result", "")
    raise ChangeFailed(f"The change is {change.state}", str(told), todo)


# --- the way back ---


def roll_back(
    journal: Journal,
    spec: TargetSpec,
    change_id: str,
    *,
    clock: Clock = SYSTEM,
    on_check: Say = _no_check,
    on_progress: Tell = _no_progress,
    cancel: threading.Event | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    pause: Pause | None = None,
) -> Change:
    """Undo an applied change by a change of its own that runs its inverse; gives the undone one, `rolled_back`.

    The confirmation of the person is the approval of the new change, whose id is in `detail["undone_by"]`. Raises as
    `apply_change`.
    """
    original = journal.change(change_id)
    undo = _undo_of(journal, original, clock)
    apply_change(
        journal, spec, undo.id, clock=clock, on_check=on_check, on_progress=on_progress, cancel=cancel, limits=limits,
        pause=pause,
    )  # fmt: skip
    return journal.change(original.id)


def _undo_of(journal: Journal, original: Change, clock: Clock) -> Change:
    """An approved change that undoes `original`; one that was refused before is used again."""
    if original.state not in UNDOABLE:
        error = ChangeRefused(f"The change is {original.state}", "Only one that is on the server can be rolled back")
        raise _refuse(journal, original, clock, error)
    waiting = [
        change
        for change in journal.changes(fingerprint=original.target.fingerprint, states=BEGINNABLE)
        if change.rolls_back == original.id
    ]
    if waiting:
        return give_approval(journal, waiting[0], clock)
    undo = replace(
        original,
        id=uuid7(clock),
        recommendation_id="",
        kind=DROP if original.kind == CREATE else CREATE,
        title=f"Undo: {original.title}",
        forward_sql=original.inverse_sql,
        inverse_sql=original.forward_sql,
        sql_hash=digest(original.inverse_sql),
        state=ChangeState.PROPOSED,
        rolls_back=original.id,
        updated_at=clock.wall(),
        detail={
            key: original.detail[key]
            for key in ("spec", "definition", "index_oid", "size_bytes")
            if key in original.detail
        },
    )
    return give_approval(journal, begin(journal, undo, clock), clock)
