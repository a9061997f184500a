"""Which state may follow which. Every move is one entry of the audit journal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState

S = ChangeState
_SETTLED = frozenset({S.APPLIED, S.FAILED_CLEAN, S.LEFTOVER, S.NEEDS_ATTENTION})
"""What the catalog can say once the outcome is known."""

EDGES: dict[ChangeState, frozenset[ChangeState]] = {
    S.PROPOSED: frozenset({S.APPROVED, S.WITHDRAWN}),
    S.APPROVED: frozenset({S.APPROVED, S.PREFLIGHT, S.WITHDRAWN}),
    S.PREFLIGHT: frozenset({S.APPROVED, S.LEFTOVER, S.INTENT}),
    S.INTENT: _SETTLED | {S.EXECUTING, S.UNKNOWN},
    S.EXECUTING: _SETTLED | {S.EXECUTING, S.UNKNOWN},
    S.UNKNOWN: _SETTLED | {S.EXECUTING},
    S.LEFTOVER: _SETTLED | {S.EXECUTING, S.PREFLIGHT, S.ROLLED_BACK},
    S.FAILED_CLEAN: frozenset({S.APPROVED, S.PREFLIGHT, S.WITHDRAWN}),
    S.APPLIED: frozenset({S.APPLIED, S.VERIFYING, S.NEEDS_ATTENTION, S.ROLLED_BACK}),
    S.VERIFYING: frozenset({S.KEPT, S.NEEDS_ATTENTION, S.ROLLED_BACK}),
    S.KEPT: frozenset({S.NEEDS_ATTENTION, S.ROLLED_BACK}),
    S.NEEDS_ATTENTION: frozenset({S.KEPT, S.ROLLED_BACK}),
    S.ROLLED_BACK: frozenset(),
    S.WITHDRAWN: frozenset(),
}

_BY_HAND: dict[ChangeState, frozenset[ChangeState]] = {
    S.APPROVED: frozenset({S.APPLIED}),
    S.INTENT: frozenset({S.APPROVED}),
    S.EXECUTING: frozenset({S.APPROVED}),
    S.UNKNOWN: frozenset({S.APPROVED}),
}
"""More edges of what a person does elsewhere: it may be found in force unasked, and a look that finds it is not leaves
it as it was."""

BEGINNABLE = frozenset({S.APPROVED, S.FAILED_CLEAN, S.LEFTOVER})
"""A change in these states may be applied: nothing of it is on the server, or a part that can be carried on with."""

UNDOABLE = frozenset({S.APPLIED, S.VERIFYING, S.KEPT, S.NEEDS_ATTENTION, S.LEFTOVER})
"""A change in these states may be rolled back: all of it is on the server, or a part."""

WITHDRAWABLE = frozenset({S.PROPOSED, S.APPROVED, S.FAILED_CLEAN})
"""A change in these states may be withdrawn: nothing of it is on the server, and nobody is at work on it."""

CONTESTED = WITHDRAWABLE | {S.VERIFYING, S.KEPT, S.NEEDS_ATTENTION}
"""No lock on the server guards these states: of two who move a change on from here, one wins in the journal."""

UNSETTLED = frozenset({S.PREFLIGHT, S.INTENT, S.EXECUTING, S.UNKNOWN, S.LEFTOVER, S.APPLIED})
"""A program that ended in these states left something for `reconcile`."""


def came_from(change: Change) -> ChangeState:
    """Where a preflight that leads nowhere goes back to."""
    return S.LEFTOVER if change.detail.get("came_from") == S.LEFTOVER else S.APPROVED


def next_states(change: Change) -> frozenset[ChangeState]:
    """Where the change may go from where it stands."""
    more = _BY_HAND.get(change.state, frozenset()) if change.by_hand else frozenset()
    return EDGES[change.state] | more


def advance(change: Change, state: ChangeState, at: float, **detail: Any) -> Change:
    """`change` in `state` since `at` (seconds), with `detail` merged in. Raises ChangeRefused when that is illegal."""
    if state not in next_states(change):
        raise ChangeRefused(
            f"The change cannot go from {change.state} to {state}",
            "Somebody else has moved it, or its work is done",
            "Look at it again in the list of changes",
        )
    return replace(change, state=state, updated_at=at, detail={**change.detail, **detail})
