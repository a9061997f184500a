"""After a killed program or a lost session: what the journal says is under way, against what the server shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.execute import Tell, progress
from optischema_tui.core.change.ids import application_name
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.session import (
    act_as_owner,
    as_login,
    describe,
    lock_holder,
    lock_or_holder,
    lock_session,
    work_session,
    worker,
)
from optischema_tui.core.change.settle import STATE_OF, builder_of, settle
from optischema_tui.core.change.states import UNSETTLED, came_from, next_states
from optischema_tui.core.change.verify import finish_applied, mark_part_undone, record_applied
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.models import BuildProgress, Change, ChangeState
from optischema_tui.core.target.session import identify, map_error, open_session
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg

    from optischema_tui.core.audit.journal import Journal

RUNNING = "still running"
HELD = "held"
"""Nothing was decided, because that would be a guess."""
NOT_BEGUN = "not begun"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one change."""

    change: Change
    """As it stands now."""
    was: ChangeState
    finding: str
    """still running, held, not begun, or an Outcome: done, not done, half done, conflict"""
    reason: str
    """One sentence."""
    progress: BuildProgress | None = None
    """Of a build that is still running."""


def reconcile(
    journal: Journal,
    spec: TargetSpec,
    fingerprint: str | None = None,
    *,
    clock: Clock = SYSTEM,
    limits: Limits = Limits(),
) -> tuple[Verdict, ...]:
    """A verdict for every unfinished change of the target, the oldest first; invalid leftovers of ours are removed.

    `fingerprint` None: of whatever database `spec` leads to. Nothing is opened when nothing is unfinished. Raises
    TargetError when the server cannot be asked: then every change stays as it is.
    """
    unfinished = unfinished_changes(journal, fingerprint)
    if not unfinished:
        return ()
    if fingerprint is None:
        fingerprint = _fingerprint_of(spec)
    return tuple(
        reconcile_change(journal, spec, change.id, clock=clock, limits=limits)
        for change in unfinished
        if change.target.fingerprint == fingerprint
    )


def unfinished_changes(journal: Journal, fingerprint: str | None = None) -> tuple[Change, ...]:
    """Changes that `reconcile` would look at, the oldest first."""
    states = UNSETTLED | {ChangeState.VERIFYING, ChangeState.APPROVED}
    found = journal.changes(fingerprint=fingerprint, states=states)
    return tuple(change for change in reversed(found) if _is_unfinished(change))


def _is_unfinished(change: Change) -> bool:
    """A change in `verifying` waits for figures; an undo has only a step of ours to go. What a person does elsewhere
    may have been done; back to a default that only the keeper of the settings knows is not told unasked."""
    if change.state is ChangeState.APPROVED:
        return change.by_hand and change.detail.get("wanted") is not None
    return change.state in UNSETTLED or (change.state is ChangeState.VERIFYING and bool(change.rolls_back))


def _fingerprint_of(spec: TargetSpec) -> str:
    import psycopg

    with open_session(spec) as connection:
        try:
            return identify(connection).fingerprint
        except psycopg.Error as error:
            raise map_error(error, spec) from error


def reconcile_change(
    journal: Journal,
    spec: TargetSpec,
    change_id: str,
    *,
    clock: Clock = SYSTEM,
    limits: Limits = Limits(),
) -> Verdict:
    """The verdict for one change; see `reconcile`. One that is not unfinished is left alone."""
    change = journal.change(change_id)
    was = change.state
    with work_session(spec, change, limits) as connection, lock_session(spec, change, connection) as locker:
        if held := _may_not_judge(connection, change):
            return Verdict(change, was, HELD, held)
        holder = lock_or_holder(locker, change, limits) or _outlived(connection, change)
        # Whoever held the lock until now may have moved the change on.
        ledger = Ledger(journal, journal.change(change.id), clock)
        if holder is not None:
            return _occupied(connection, ledger, holder)
        if not _is_unfinished(ledger.change):
            return Verdict(ledger.change, was, HELD, f"The change is {ledger.change.state} already")
        ledger.database = act_as_owner(connection, ledger.change)
        return _judge(connection, spec, ledger, limits)


def _may_not_judge(connection: psycopg.Connection[Any], change: Change) -> str:
    server = ask(connection, "server")[0]
    if identify(connection).fingerprint != change.target.fingerprint:
        return "This is not the database of the change"
    if server["in_recovery"]:
        return "The server is a standby now; the primary must be asked"
    if connection.info.backend_pid != server["backend_pid"]:
        return "A connection pooler stands between; the server itself must be asked"
    return ""


def _outlived(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any] | None:
    """The change's own session where it still works though the lock is free: that was of another session, which ended
    with its program."""
    session = worker(connection, change)
    return session if session is not None and session["state"] != "idle" else None


def _occupied(connection: psycopg.Connection[Any], ledger: Ledger, holder: dict[str, Any]) -> Verdict:
    """Somebody has the lock: our own session that outlived its program (adopt it), or another's change (hold)."""
    change, was = ledger.change, ledger.change.state
    ours = holder["application_name"] == application_name(change.id) or (
        bool(holder["backend_start"])
        and (holder["pid"], holder["backend_start"])
        == (change.detail.get("backend_pid"), change.detail.get("backend_start"))
    )
    if not ours:
        return Verdict(change, was, HELD, f"Another change of {change.subject} is at work: {describe(holder)}")
    pid = int((worker(connection, change) or holder)["pid"])
    reason = f"The server still works on it, in process {pid}"
    if was in (ChangeState.INTENT, ChangeState.UNKNOWN, ChangeState.LEFTOVER):
        ledger.move(ChangeState.EXECUTING, reason)
    return Verdict(ledger.change, was, RUNNING, reason, progress(connection, pid))


def _judge(connection: psycopg.Connection[Any], spec: TargetSpec, ledger: Ledger, limits: Limits) -> Verdict:
    """The table of verdicts. This session has the lock, so that nobody of ours is at work on the table."""
    change, was = ledger.change, ledger.change.state
    if was is ChangeState.PREFLIGHT:
        ledger.move(came_from(change), "The program ended before the intent; nothing was sent")
        return Verdict(ledger.change, was, NOT_BEGUN, "Nothing had been sent to the server")
    if was in (ChangeState.APPLIED, ChangeState.VERIFYING):
        now = finish_applied(connection, ledger)
        told = f"It {now.waits_for}" if now.waits_for else "It had been applied; the verification was finished"
        return Verdict(ledger.change, was, Outcome.DONE, told)
    acting_as = ask(connection, "server")[0]["acting_as"]
    with as_login(connection, acting_as):
        builder = builder_of(connection, change)
    if builder:
        return Verdict(change, was, HELD, f"Process {builder} builds an index on this table; its end must be awaited")
    found, reason = settle(connection, spec, ledger, limits)
    moves = STATE_OF[found] is not was and STATE_OF[found] in next_states(change)
    if found is Outcome.DONE or (STATE_OF[found] is not was and was is not ChangeState.APPROVED):
        ledger.note("reconciled", reason, finding=str(found), was=str(was))
    if found is Outcome.DONE:
        record_applied(connection, ledger, reason)
        finish_applied(connection, ledger)
    elif moves:
        error = "" if found is Outcome.NOT_YET else reason
        ledger.move(STATE_OF[found], f"After an interruption: {reason}", error=error)
    if found is Outcome.PART:
        mark_part_undone(ledger)
    return Verdict(ledger.change, was, found, reason)


def wait_running(
    journal: Journal,
    spec: TargetSpec,
    change_id: str,
    *,
    clock: Clock = SYSTEM,
    on_progress: Callable[[BuildProgress], None] | Tell = lambda progress: None,
    cancel: threading.Event | None = None,
    limits: Limits = Limits(),
    every: float = 1.0,
) -> Verdict:
    """Follow an adopted build until the server has ended it, looking every `every` seconds, and give its verdict.

    `cancel` ends the build on the server. Raises TargetError when the server is lost.
    """
    import psycopg

    change = journal.change(change_id)
    stop, tick = cancel or threading.Event(), threading.Event()
    asked = False
    with open_session(spec) as eyes:
        try:
            while session := _at_work(eyes, change):
                seen = progress(eyes, int(session["pid"]))
                if seen is None and session["state"] == "idle":
                    break
                if seen is not None:
                    on_progress(seen)
                if stop.is_set() and not asked:
                    asked = True
                    ask(eyes, "cancel", pid=session["pid"], application=application_name(change.id))
                tick.wait(every if not stop.is_set() else min(every, 0.1)) if asked else stop.wait(every)
        except psycopg.Error as error:
            raise map_error(error, spec) from error
    return reconcile_change(journal, spec, change_id, clock=clock, limits=limits)


def _at_work(eyes: psycopg.Connection[Any], change: Change) -> dict[str, Any] | None:
    """The session of the change that sends its statements, else the one that has its lock; None when both are gone."""
    found = worker(eyes, change) or lock_holder(eyes, change)
    return found if found is not None and found["application_name"] == application_name(change.id) else None
