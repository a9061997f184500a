"""The apply protocol: preflight, intent, execution, verification, and the way back.

`approve` and `judge` stand beside it; `reconcile` is for what a killed program left.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.approval import approve, begin, drafted, give_approval, propose
from optischema_tui.core.change.execute import End, Tell
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.judge import enough, judge, keep
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.preflight import Say, changes_allowed
from optischema_tui.core.change.reconcile import RUNNING, reconcile_change, wait_running
from optischema_tui.core.change.run import Pause, Run, check_change
from optischema_tui.core.change.session import (
    act_as_owner,
    describe,
    lock_holder,
    lock_or_holder,
    lock_session,
    work_session,
)
from optischema_tui.core.change.states import BEGINNABLE, UNDOABLE
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeFailed, ChangeRefused, TargetError
from optischema_tui.core.models import Change, ChangeState, Check, Level
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal

__all__ = ["apply_change", "approve", "enough", "judge", "keep", "preflight", "preflight_undo", "propose", "roll_back"]


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
    limits: Limits = Limits(),
) -> tuple[Check, ...]:
    """Every line of the preflight of a change; changes nothing and moves no state. Raises TargetError."""
    change = journal.change(change_id)
    return _look(journal, spec, change, clock, on_check, limits)


def preflight_undo(
    journal: Journal,
    spec: TargetSpec,
    change_id: str,
    *,
    clock: Clock = SYSTEM,
    on_check: Say = _no_check,
    limits: Limits = Limits(),
) -> tuple[Check, ...]:
    """Every line of the preflight that `roll_back` would make, as if it were confirmed now; moves no state.

    Raises ChangeRefused when there is nothing to undo, and TargetError.
    """
    original = journal.change(change_id)
    _refuse_unless_undoable(original)
    now = clock.wall()
    undo = replace(_inverse(original, clock), state=ChangeState.APPROVED, approved_at=now)
    return _look(journal, spec, undo, clock, on_check, limits)


def _look(
    journal: Journal, spec: TargetSpec, change: Change, clock: Clock, on_check: Say, limits: Limits
) -> tuple[Check, ...]:
    with work_session(spec, change, limits) as connection, lock_session(spec, change, connection) as locker:
        holder = lock_holder(locker, change)
        act_as_owner(connection, change)
        return check_change(connection, journal, change, spec, clock, limits, holder, on_check)


def apply_change(
    journal: Journal,
    spec: TargetSpec,
    change_id: str,
    *,
    clock: Clock = SYSTEM,
    on_check: Say = _no_check,
    on_progress: Tell = _no_progress,
    cancel: threading.Event | None = None,
    limits: Limits = Limits(),
    pause: Pause | None = None,
    typed: str = "",
) -> Change:
    """Carry out an approved change; gives it in state `verifying` or `needs_attention` (a drop: `kept`).

    Raises ChangeRefused when nothing was begun (the change stays approved), and ChangeFailed when it was begun and is
    not done: the journal then says `failed_clean`, `leftover`, `unknown`, `executing` or `needs_attention`. TargetError
    when the server cannot be reached; StorageError when an intent or a result cannot be made durable. `on_progress` is
    called in another thread. `pause` stands for the waits between attempts. `typed`: the subject of a change that
    nothing undoes, as the person has typed it.
    """
    change = journal.change(change_id)
    _refuse_unless_beginnable(journal, change, spec, clock)
    reach("before_preflight")
    stop = cancel or threading.Event()
    with work_session(spec, change, limits) as connection, lock_session(spec, change, connection) as locker:
        holder = lock_or_holder(locker, change, limits)
        # Only the holder of the lock writes the change's state: whoever came first may have moved it on already.
        change = journal.change(change.id)
        if holder is not None:
            busy = ChangeRefused(f"Another change of {change.subject} is at work", describe(holder), "Wait for its end")
            raise _refuse(journal, change, clock, busy)
        _refuse_unless_beginnable(journal, change, spec, clock)
        run = Run(connection, spec, Ledger(journal, change, clock), limits, on_check, on_progress, stop, typed)
        ended = run.go(pause or stop.wait)
    if ended.end is End.LOST:
        _find_out(journal, spec, change, clock, limits, on_progress, stop, pause or stop.wait)
    return result(journal.change(change.id))


def _refuse_unless_beginnable(journal: Journal, change: Change, spec: TargetSpec, clock: Clock) -> None:
    allowed = changes_allowed(spec)
    if allowed.level is Level.BLOCK:
        raise _refuse(journal, change, clock, ChangeRefused("Changes are off for this target", allowed.reason))
    if change.rolls_back and (original := journal.change(change.rolls_back)).state not in UNDOABLE:
        error = ChangeRefused(f"What it takes back is {original.state}", "Somebody else has rolled it back before")
        raise _refuse(journal, change, clock, error)
    if change.state not in BEGINNABLE:
        error = ChangeRefused(f"The change is {change.state}", "Only an approved change can be applied")
        raise _refuse(journal, change, clock, error)


def _refuse(journal: Journal, change: Change, clock: Clock, error: ChangeRefused) -> ChangeRefused:
    Ledger(journal, change, clock).note("refused", error.sentence)
    return error


def _find_out(
    journal: Journal,
    spec: TargetSpec,
    change: Change,
    clock: Clock,
    limits: Limits,
    on_progress: Tell,
    cancel: threading.Event,
    pause: Pause,
) -> None:
    """After a lost session: look at the server again, a few times. Nothing is sent a second time.

    A build that outlived the session is followed to its end.
    """
    for attempt in range(limits.reconnects):
        try:
            verdict = reconcile_change(journal, spec, change.id, clock=clock, limits=limits)
            if verdict.finding == RUNNING:
                wait_running(
                    journal, spec, change.id, clock=clock, on_progress=on_progress, cancel=cancel, limits=limits
                )
            return
        except TargetError:
            if pause(float(2**attempt)):
                return


_WORDS = {
    ChangeState.FAILED_CLEAN: "not made",
    ChangeState.UNKNOWN: "in an unknown state",
    ChangeState.LEFTOVER: "not made, and something is left of it",
    ChangeState.EXECUTING: "still running",
    ChangeState.NEEDS_ATTENTION: "in need of attention",
    ChangeState.ROLLED_BACK: "rolled back",
}


def result(change: Change) -> Change:
    """The change when it is on the server; ChangeFailed else."""
    done = (ChangeState.VERIFYING, ChangeState.KEPT, ChangeState.APPLIED)
    if change.state in done or (change.state is ChangeState.NEEDS_ATTENTION and not change.detail.get("error")):
        return change
    todo = {
        ChangeState.FAILED_CLEAN: "Nothing is left of it on the server; it may be applied again",
        ChangeState.LEFTOVER: "Apply it again to carry on, or roll it back; what is broken goes with the next start",
        ChangeState.UNKNOWN: "The next connection finds out what became of it",
        ChangeState.EXECUTING: "The server still works on it; the next connection follows it",
    }.get(change.state, "Look at it in the list of changes")
    told = change.detail.get("error") or change.detail.get("result", "")
    if change.state is ChangeState.APPROVED and change.by_hand:
        again = "Nothing was sent and nothing failed: follow the steps, then look again in the same way"
        raise ChangeFailed("The change is not in force yet", str(told), again)
    raise ChangeFailed(f"The change is {_WORDS.get(change.state, change.state)}", str(told), todo)


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
    limits: Limits = Limits(),
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
    """An approved change that undoes `original`; one that was refused before is used again when it is still the way."""
    try:
        _refuse_unless_undoable(original)
    except ChangeRefused as error:
        raise _refuse(journal, original, clock, error) from None
    undo = _inverse(original, clock)
    waiting = [
        change
        for change in journal.changes(fingerprint=original.target.fingerprint, states=BEGINNABLE)
        if change.rolls_back == original.id and change.kind == undo.kind
    ]
    if waiting:
        return give_approval(journal, waiting[0], clock)
    return give_approval(journal, begin(journal, undo), clock)


def _refuse_unless_undoable(original: Change) -> None:
    if original.state not in UNDOABLE:
        raise ChangeRefused(f"The change is {original.state}", "Only one that is on the server can be rolled back")


def _inverse(original: Change, clock: Clock) -> Change:
    """A proposed change, not in the journal yet, that takes `original` back."""
    draft = kind_of(original.kind).inverse(original)
    if draft is None:
        raise ChangeRefused(
            f"There is no way back from this change of {original.subject}",
            "Its kind has no inverse",
            "What can be done by hand stands in its details",
        )
    return drafted(draft, original.target, original.dsn, clock, rolls_back=original.id)
