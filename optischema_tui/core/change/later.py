"""Which changes came after another one on the same object: what takes that one back is made without a look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.checks import ok, warn
from optischema_tui.core.change.kinds.registry import NAMES, kind_of
from optischema_tui.core.change.states import UNDOABLE
from optischema_tui.core.models import Change, ChangeState, Check
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

LINE = "later changes"
_IN_FORCE = UNDOABLE | {ChangeState.EXECUTING, ChangeState.INTENT, ChangeState.UNKNOWN}


def touched(connection: psycopg.Connection[Any], change: Change) -> list[int]:
    """The oids of the change's table and of its partitions, as the catalog has them now; empty for a setting."""
    if not change.table:
        return []
    return [int(row["oid"]) for row in ask(connection, "touched", schema=change.schema, table=change.table)]


def later_changes(connection: psycopg.Connection[Any], change: Change, changes: Sequence[Change]) -> tuple[Change, ...]:
    """Of `changes`, in force on the same server, those that came on the same object after `change`, or after what it
    rolls back; the oldest first. One that was taken back since is none, nor is what took it back.

    A table is the same by its oid, whatever its name was when; a partition is a part of its parent. Settings are the
    same by name and place.
    """
    original = next((other for other in changes if other.id == change.rolls_back), change)
    known = {other.id: other for other in changes}
    mine = {*_kept(original), *touched(connection, change)}
    return tuple(
        other
        for other in sorted(changes, key=lambda each: each.id)
        if other.state in _IN_FORCE
        and other.id not in (change.id, original.id)
        and _after(other, original)
        and not (other.rolls_back and _undoes_later(known.get(other.rolls_back), original))
        and _same_object(other, change, mine)
    )


def later_line(change: Change, later: Sequence[Change]) -> Check:
    what = "this table" if change.table else "this setting"
    if not later:
        return ok(LINE, f"No later change of ours on {what}")
    names = ", ".join(one_line(f"{other.kind} of {other.subject}", 120) for other in later)
    return warn(LINE, f"Later changes on {what} were made on top of it: {names}")


def _kept(change: Change) -> tuple[int, ...]:
    """What it touched when it began."""
    return tuple(int(oid) for oid in change.detail.get("touches", ()))


def _began(change: Change) -> float:
    return float(change.detail.get("intent_at") or 0.0)


def _after(other: Change, original: Change) -> bool:
    """Whether it began later; where the earlier one has not begun, whether it was proposed later."""
    return _began(other) > _began(original) if _began(original) and _began(other) else other.id > original.id


def _undoes_later(undone: Change | None, original: Change) -> bool:
    return undone is None or undone.id == original.id or _after(undone, original)


def _same_object(other: Change, change: Change, mine: set[int]) -> bool:
    if other.target.system_identifier != change.target.system_identifier or other.kind not in NAMES:
        return False
    if not change.table:
        return not other.table and kind_of(other.kind).lock_key(other) == kind_of(change.kind).lock_key(change)
    if not other.table or other.target.fingerprint != change.target.fingerprint:
        return False
    if theirs := _kept(other):
        return not mine.isdisjoint(theirs)
    return (other.schema, other.table) == (change.schema, change.table)
