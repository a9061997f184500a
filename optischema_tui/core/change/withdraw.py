"""A change that nobody wants any more: it is taken back before anything of it is on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.states import BEGINNABLE, UNDOABLE, WITHDRAWABLE
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal

_LONGEST = 500


def withdraw(journal: Journal, change: Change, reason: str, *, clock: Clock = SYSTEM) -> Change:
    """Move a change that waits (proposed, approved, or failed with nothing left of it) to `withdrawn`, for good.

    What it was made of can be proposed or approved anew, as another change. An undo that waits can be withdrawn too:
    what it was to take back stays as it is. Raises ChangeRefused in any other state, also when somebody else has moved
    the change on meanwhile, and when no reason is given; StorageError.
    """
    told = one_line(reason.strip(), _LONGEST)
    if not told:
        raise ChangeRefused("No reason was given", "It stays in the audit journal", "Say in a few words why")
    if change.state not in WITHDRAWABLE:
        raise ChangeRefused(f"The change is {change.state.replace('_', ' ')}", _why(change), _instead(change))
    ledger = Ledger(journal, change, clock)
    return ledger.move(
        ChangeState.WITHDRAWN, f"Withdrawn: {told}", body={"reason": told}, withdrawn_because=told, error=""
    )


def _why(change: Change) -> str:
    if change.state is ChangeState.WITHDRAWN:
        return "It was withdrawn before"
    if change.state is ChangeState.ROLLED_BACK:
        return "It was applied, and taken back"
    return "Only a change of which nothing is on the server can be withdrawn, and on which nobody is at work"


def _instead(change: Change) -> str:
    if change.state in UNDOABLE:
        carry_on = ", or apply it again to carry on" if change.state in BEGINNABLE else ""
        return f"Roll it back{carry_on}"
    return "" if change.state in (ChangeState.WITHDRAWN, ChangeState.ROLLED_BACK) else "Cancel it, or await its end"
