"""The verdict on an applied change, from what its statements measured before it began and after it was there.

`decide` has the rules, without I/O; `judge` moves the change by them. A change stays in `verifying` until they say
something, at most 72 hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optischema_tui.core.baseline.effect import WATCHED, Effect, Measured, figures
from optischema_tui.core.baseline.scope import Scope
from optischema_tui.core.baseline.verdict import Finding, StatementVerdict
from optischema_tui.core.change.kinds.kind import Measured as Scopes
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal

ENOUGH = 0.5
COUNTS = 0.01
"""Of all time before: a statement below it that the change was not made for is no reason to take the change back."""
DEAR_WRITES = 1.5
NEEDS_A_GAIN = frozenset({"create_index"})
"""Kinds that cost something for as long as they are there: without a gain they are better gone."""
RULE = (
    "needs attention when a statement is worse, or writes of the table are and the whole is not better; kept when one"
    " is better and none worse, or, for a change that costs nothing to have, when all are the same; decided when those"
    f" with a verdict stand for {ENOUGH:.0%} of the earlier time, at the latest after {WATCHED / 3600:.0f} hours"
)


@dataclass(frozen=True, slots=True)
class Decision:
    state: ChangeState
    """kept or needs_attention"""
    sentence: str
    worse: bool = False
    """Something is measured to be worse: taking the change back is proposed."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A change that made something worse, for the person at the screen."""

    change_id: str
    sentence: str
    statement: str
    """The text of the heaviest that got worse (unsafe: pass `safe_text` before showing); empty for a whole."""
    severity: str
    """alarm: by half or more; warning: less"""
    proposes_rollback: bool


def scope_of(change: Change) -> Scope:
    """Whose times tell whether the change helped. Empty for a kind that nothing is measured of."""
    queryids = tuple(int(one["queryid"]) for one in change.detail.get("statements", ()) if one.get("queryid"))
    try:
        measured = kind_of(change.kind).MEASURED
    except ChangeRefused:
        measured = Scopes.STATEMENTS
    if measured is Scopes.NOTHING:
        return Scope()
    if measured is Scopes.TARGET:
        return Scope(queryids, whole_target=True)
    whole_table = measured is Scopes.TABLE or (not queryids and bool(change.table))
    return Scope(queryids, change.schema, change.table, whole_table)


def enough(measured: Sequence[Measured]) -> bool:
    """Whether the statements with a verdict stand for enough of the earlier time."""
    reads = [row for row in measured if not row.writes] or measured
    whole = sum(row.test.time_before for row in reads)
    decided = sum(row.test.time_before for row in reads if row.test.decided)
    return whole > 0 and decided >= ENOUGH * whole


def decide(change: Change, effect: Effect, now: float) -> Decision | None:
    """What the figures say at `now` (seconds since 1970); None while there is not enough data."""
    named = set(scope_of(change).queryids)
    worse = [row for row in effect.rows if _worse(row.test) and _counts(row, named)]
    if worse:
        return Decision(ChangeState.NEEDS_ATTENTION, f"Slower: {_told(worse)}. Roll it back, or find out why", True)
    if (writes := effect.writes) is not None and _worse(writes) and not _worth_it(effect, writes):
        return Decision(
            ChangeState.NEEDS_ATTENTION, f"{_writes_told(writes)}, for no gain that pays. Roll it back", True
        )
    if effect.total is not None and _worse(effect.total):
        sentence = f"Its statements together are {effect.total.ratio:.2g} times slower. Roll it back, or find out why"
        return Decision(ChangeState.NEEDS_ATTENTION, sentence, True)
    better = [row for row in effect.rows if row.test.finding is Finding.BETTER]
    known = enough(effect.rows)
    if better and known:
        price = f"; {_writes_told(writes)[0].lower()}{_writes_told(writes)[1:]}" if writes and _worse(writes) else ""
        return Decision(ChangeState.KEPT, f"Faster: {_told(better)}{price}")
    if known or (effect.total is not None and effect.total.decided and not named):
        return _no_gain(change, effect)
    return _late(change, bool(better)) if now >= _applied(change) + WATCHED else None


def _no_gain(change: Change, effect: Effect) -> Decision:
    if effect.total is not None and effect.total.finding is Finding.BETTER:
        return Decision(
            ChangeState.KEPT, f"Its statements together are {1 / (effect.total.ratio or 1):.2g} times faster"
        )
    if change.kind in NEEDS_A_GAIN:
        return Decision(
            ChangeState.NEEDS_ATTENTION, "No statement got faster: the index only costs writes. Roll it back"
        )
    return Decision(ChangeState.KEPT, "Nothing that it concerns got slower or faster by more than 10 %")


def _late(change: Change, better: bool) -> Decision:
    hours = f"{WATCHED / 3600:.0f} hours"
    if better:
        return Decision(
            ChangeState.KEPT, f"After {hours} a statement is faster and none slower; others were called too seldom"
        )
    if change.kind in NEEDS_A_GAIN:
        return Decision(
            ChangeState.NEEDS_ATTENTION,
            f"Not clear after {hours}: too few calls, or too much noise. Keep it, or roll it back",
        )
    return Decision(ChangeState.KEPT, f"Nothing got measurably slower in {hours}")


def judge(journal: Journal, change: Change, effect: Effect, *, clock: Clock = SYSTEM) -> Change:
    """Move a change in `verifying` to `kept` or `needs_attention`, and one that was kept by the figures to
    `needs_attention` when they turn worse within 72 hours; with the figures in its detail and in the audit.

    Without a reason it is given back as it is. Raises ChangeRefused when it is in another state.
    """
    decision = decide(change, effect, clock.wall())
    if decision is None or (change.state is ChangeState.KEPT and not _turned(change, decision)):
        return change
    kept = [figures(row) for row in effect.rows]
    evidence = [{key: value for key, value in row.items() if key != "text"} for row in kept]
    body = {"figures": evidence, "rule": RULE, "test": effect.rule}
    return Ledger(journal, change, clock).move(
        decision.state, decision.sentence, body=body, verdict=decision.sentence, figures=kept, worse=decision.worse
    )


def keep(journal: Journal, change: Change, reason: str, *, clock: Clock = SYSTEM) -> Change:
    """A person's word against `needs_attention`, or before the figures are in. Raises ChangeRefused otherwise."""
    verdict = f"Kept by decision: {reason.strip() or 'no reason given'}"
    return Ledger(journal, change, clock).move(ChangeState.KEPT, verdict, verdict=verdict, kept_by_person=True)


def watched(change: Change, now: float) -> bool:
    """Whether its statements are still looked after: `verifying`, or `kept` and in place for less than 72 hours."""
    if change.rolls_back or not _applied(change):
        return False
    if change.state is ChangeState.VERIFYING:
        return True
    return change.state is ChangeState.KEPT and now < _applied(change) + WATCHED


def alert_of(change: Change, effect: Effect, now: float) -> Alert | None:
    """What a person should be told at once; None while nothing is worse."""
    decision = decide(change, effect, now)
    if decision is None or not decision.worse:
        return None
    rows = [row for row in effect.rows if _worse(row.test) and _counts(row, set(scope_of(change).queryids))]
    heaviest = max(rows, key=_time_before, default=None)
    worst = max((row.test.ratio or 1.0 for row in rows), default=(effect.writes or effect.total or _NONE).ratio or 1.0)
    text = heaviest.text if heaviest is not None else ""
    severity = "alarm" if worst >= DEAR_WRITES else "warning"
    return Alert(change.id, f"{change.title}: {decision.sentence}", text, severity, bool(change.inverse_sql))


def due_for_undo(change: Change, verdict: Decision | Change | None) -> bool:
    """Whether the change is to be rolled back without asking: its approver said so, it can be undone, and the figures
    (a decision, or the change that `judge` moved) say that something got worse."""
    if isinstance(verdict, Change):
        worse = verdict.state is ChangeState.NEEDS_ATTENTION and bool(verdict.detail.get("worse"))
    else:
        worse = verdict is not None and verdict.worse
    return worse and bool(change.detail.get("auto_undo")) and bool(change.inverse_sql) and not change.rolls_back


_NONE = StatementVerdict(Finding.UNKNOWN, "")


def _turned(change: Change, decision: Decision) -> bool:
    return decision.worse and not change.detail.get("kept_by_person")


def _applied(change: Change) -> float:
    return float(change.detail.get("applied_at") or 0.0)


def _worse(test: StatementVerdict) -> bool:
    return test.finding is Finding.WORSE


def _counts(row: Measured, named: set[int]) -> bool:
    return not row.writes and (row.queryid in named or row.share >= COUNTS)


def _worth_it(effect: Effect, writes: StatementVerdict) -> bool:
    """Dearer writes are the known price of an index: it is paid when all statements together take less time."""
    if writes.ratio is not None and writes.ratio >= DEAR_WRITES:
        return False
    return effect.total is not None and effect.total.finding is Finding.BETTER


def _writes_told(writes: StatementVerdict) -> str:
    return f"Writes of the table take {(writes.ratio or 1.0) - 1:.0%} longer"


def _time_before(row: Measured) -> float:
    return row.test.time_before


def _told(rows: Sequence[Measured]) -> str:
    """The heaviest of them in words: 12.5 ms -> 0.4 ms."""
    row = max(rows, key=_time_before)
    others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    sure = f"{min(row.test.confidence, 0.999):.1%} sure"
    times = f"{row.test.mean_before:.3g} ms before, {row.test.mean_after:.3g} ms now ({sure})"
    return f"{times}, {one_line(row.text, 60)}{others}"
