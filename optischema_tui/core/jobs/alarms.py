"""What follows when figures say that a change has made something worse, without anybody at the keyboard.

What is due stands in the journal: it is not lost when it cannot begin at once, nor when the program ends meanwhile.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.judge import due_for_undo
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.jobs.changes import carry_out
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec

AGAIN_SECONDS = 60.0
"""Shortest time between two attempts of one rollback; each later wait is as long as all before it together."""
LATE_SECONDS = 30.0
"""A rollback that begins later than this after it was due has its reason in the journal."""
_NOT_BEGUN = frozenset({ChangeState.PROPOSED, ChangeState.APPROVED})
_WAITS = "change.undo_waits"


def due(paths: Paths, spec: TargetSpec, fingerprint: str, *, clock: Clock = SYSTEM) -> tuple[Change, ...]:
    """Changes of the target that their approver wanted to be rolled back as things are, the oldest first; none where
    changes are off.

    Not those whose rollback has begun once, however that ended, or was withdrawn: a person decides then. One that was
    refused before it began is due again after a while. Raises StorageError.
    """
    if not spec.allow_changes or not paths.audit_db.exists():
        return ()
    with closing(Journal.of(paths, clock)) as journal:
        waiting = journal.changes(fingerprint=fingerprint, states={ChangeState.NEEDS_ATTENTION})
        wanted = [change for change in reversed(waiting) if due_for_undo(change, change)]
        undos = [change for change in journal.changes(fingerprint=fingerprint) if change.rolls_back] if wanted else []
    now = clock.wall()
    return tuple(
        change for change in wanted if _may_begin(change, [undo for undo in undos if undo.rolls_back == change.id], now)
    )


def _may_begin(change: Change, undos: list[Change], now: float) -> bool:
    if not undos:
        return True
    tried = max(undo.updated_at for undo in undos)
    pause = max(AGAIN_SECONDS, tried - change.updated_at)
    return all(undo.state in _NOT_BEGUN for undo in undos) and now >= tried + pause


@contextmanager
def alone(paths: Paths) -> Iterator[bool]:
    """Whether no other program of this user rolls something back by itself, kept so for the time of the block. Where
    the file system knows no locks, the server's alone hold two programs apart."""
    descriptor = os.open(paths.state_dir / "undo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:
            """No locks here."""
        yield True
    finally:
        os.close(descriptor)


def note_waiting(paths: Paths, change: Change, *, clock: Clock = SYSTEM) -> None:
    """Enter that the rollback of `change` is due and waits. Raises StorageError."""
    with closing(Journal.of(paths, clock)) as journal:
        Ledger(journal, change, clock).note("undo_waits", "Its rollback waits: this program carries out another change")


def note_begin(paths: Paths, change: Change, *, clock: Clock = SYSTEM) -> None:
    """Enter why the rollback of `change`, which begins now, is late, where it is. Raises StorageError."""
    waited = clock.wall() - change.updated_at
    if waited < LATE_SECONDS:
        return
    with closing(Journal.of(paths, clock)) as journal:
        events = {entry.event for entry in journal.entries() if entry.change_id == change.id}
        tried = any(other.rolls_back == change.id for other in journal.changes(fingerprint=change.target.fingerprint))
        if tried:
            why = "It was refused before"
        elif _WAITS in events:
            why = "Another change was being carried out"
        else:
            why = "No program that may change this target was at work"
        told = f"Its rollback begins {waited:.0f} seconds after it was due. {why}"
        Ledger(journal, change, clock).note("undo_late", told, waited_seconds=round(waited))


def take_back(
    paths: Paths, spec: TargetSpec, fingerprint: str, *, clock: Clock = SYSTEM
) -> Iterator[tuple[Change, str]]:
    """Roll back what is `due`, one after the other; each with one sentence that says how it went. Nothing while
    another program of this user is at it."""
    with alone(paths) as first:
        for change in due(paths, spec, fingerprint, clock=clock) if first else ():
            try:
                note_begin(paths, change, clock=clock)
                undone = carry_out(paths, change.id, spec, undo=True, clock=clock)
            except OptischemaError as error:
                yield change, f"{change.title} could not be rolled back by itself. {error.sentence}"
            else:
                yield undone, f"{change.title} was rolled back by itself, as its approver wanted: something got worse"
