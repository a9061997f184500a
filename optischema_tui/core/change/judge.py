"""The verdict on an applied change, from what its statements measured before it began and after it was there.

The rule (`RULE` says it in words): a statement that got slower beyond its noise and by more than 10 % asks for a
person; else a statement that got faster beyond its noise means keep; else the index only costs writes, which asks for
a person. It is applied once the statements with enough calls on both sides stand for half of the earlier time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optischema_tui.core.baseline.baseline import figures
from optischema_tui.core.baseline.compare import Compared, Verdict
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal

WORSE_BY = 0.10
ENOUGH = 0.5
RULE = (
    f"kept when a statement is faster beyond its noise and none is slower beyond it by more than {WORSE_BY:.0%}; "
    f"decided when statements with enough calls on both sides stand for {ENOUGH:.0%} of the earlier time"
)
_DECIDED = frozenset({Verdict.BETTER, Verdict.SAME, Verdict.WORSE})


def enough(measured: Sequence[Compared]) -> bool:
    """Whether `judge` can decide on these figures."""
    whole = sum(_time_before(row) for row in measured)
    decided = sum(_time_before(row) for row in measured if row.verdict in _DECIDED)
    return whole > 0 and decided >= ENOUGH * whole


def judge(journal: Journal, change: Change, measured: Sequence[Compared], *, clock: Clock = SYSTEM) -> Change:
    """Move a change in `verifying` to `kept` or `needs_attention`, with the figures in its detail and in the audit.

    Without enough figures it is given back as it is. Raises ChangeRefused when it is not in `verifying`.
    """
    if not enough(measured):
        return change
    worse = [row for row in measured if row.verdict is Verdict.WORSE and (row.change or 0.0) > WORSE_BY]
    better = [row for row in measured if row.verdict is Verdict.BETTER]
    if worse:
        state, verdict = ChangeState.NEEDS_ATTENTION, f"Slower: {_told(worse)}. Roll it back, or find out why"
    elif better:
        state, verdict = ChangeState.KEPT, f"Faster: {_told(better)}"
    else:
        state, verdict = (
            ChangeState.NEEDS_ATTENTION,
            "No statement got faster: the index only costs writes. Roll it back",
        )
    kept = [figures(row) for row in measured]
    evidence = [{key: value for key, value in row.items() if key != "text"} for row in kept]
    body = {"figures": evidence, "rule": RULE}
    return Ledger(journal, change, clock).move(state, verdict, body=body, verdict=verdict, figures=kept)


def keep(journal: Journal, change: Change, reason: str, *, clock: Clock = SYSTEM) -> Change:
    """A person's word against `needs_attention`, or before the figures are in. Raises ChangeRefused otherwise."""
    verdict = f"Kept by decision: {reason.strip() or 'no reason given'}"
    return Ledger(journal, change, clock).move(ChangeState.KEPT, verdict, verdict=verdict)


def _time_before(row: Compared) -> float:
    return row.before.exec_time if row.before else 0.0


def _told(rows: Sequence[Compared]) -> str:
    """The heaviest of them in words: 12.5 ms -> 0.4 ms."""
    row = max(rows, key=_time_before)
    before, after = (side.mean_exec_time if side else 0.0 for side in (row.before, row.after))
    others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    return f"{before:.3g} ms before, {after:.3g} ms now, {one_line(row.text, 60)}{others}"
