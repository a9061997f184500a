"""What follows once the server has the change: the proof that it is right and used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optischema_tui.core.audit.story import PLANS_AFTER
from optischema_tui.core.change.catalog import see_index, spec_of
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.states import UNDOABLE
from optischema_tui.core.errors import UsageError
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.target.explain_each import explain_each
from optischema_tui.core.workload.plan import parse_plan

if TYPE_CHECKING:
    import psycopg

_MOST_STATEMENTS = 20
_SECONDS = 10.0
"""For the plans of all of them."""
_EVIDENCE = ("text", "plan")
"""What of a plan is kept as evidence, and is too long for the chain itself."""


def record_applied(connection: psycopg.Connection[Any], ledger: Ledger, reason: str) -> Change:
    """Move the change to `applied`, with what the catalog shows of the index as the mark to compare with later."""
    seen = see_index(connection, ledger.change) if ledger.change.index_name else None
    shown: dict[str, Any] = {}
    if seen is not None:
        shown = {"definition": seen.definition, "index_oid": seen.oid, "built_bytes": seen.size_bytes}
    change = ledger.move(ChangeState.APPLIED, reason, body=shown, applied_at=ledger.clock.wall(), error="", **shown)
    reach("after_applied")
    return change


def finish_applied(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    """From `applied` on: verify. An undo marks what it undid and is over with that."""
    reach("before_verify")
    if ledger.change.rolls_back:
        _mark_undone(ledger)
    change = ledger.change
    if change.state is ChangeState.APPLIED:
        change = kind_of(change.kind).verify(connection, ledger)
    if change.rolls_back and change.state is ChangeState.VERIFYING:
        change = ledger.move(ChangeState.KEPT, f"The undo is done: {change.detail.get('result', '')}")
    reach("after_verify")
    return change


def plans_use_it(connection: psycopg.Connection[Any], ledger: Ledger, names: frozenset[str] = frozenset()) -> Change:
    """Move a change whose index is there on, by whether the plans of the statements it was made for read it. `names`:
    those of its parts, which the plans show instead."""
    change = ledger.change
    plans = _plans(connection, change, names or frozenset({change.index_name}))
    used = [plan for plan in plans if plan["uses"]]
    failed = [plan for plan in plans if plan["error"]]
    due = [plan for plan in plans if plan["due"] and not plan["error"]]
    result = "The index is valid and ready"
    if plans:
        result += f"; the plans of {len(used)} of {len(plans)} statements use it"
    if failed:
        result += f"; {len(failed)} could not be planned: {failed[0]['error']}"
    state = ChangeState.VERIFYING
    if plans and not used and not due and len(failed) < len(plans):
        result += ". It serves certain values only, which a plan with unknown ones cannot show: its scans will tell"
    if due and not used:
        state = ChangeState.NEEDS_ATTENTION
        result += ". It only costs writes so far: roll it back, or keep it if you know better"
    spec = spec_of(change)
    if spec is not None and any(spec.computed):
        result += ". The statistics of its expression come with the table's next ANALYZE"
    told = [{name: value for name, value in plan.items() if name not in _EVIDENCE} for plan in plans]
    return ledger.move(state, result, body={"plans": told}, evidence={PLANS_AFTER: plans}, plans=told)


def plans_before(connection: psycopg.Connection[Any], change: Change) -> list[dict[str, Any]]:
    """The plans of the statements that the change is made for, as they are before it: evidence to compare with."""
    return _plans(connection, change, frozenset()) if change.index_name else []


def _plans(connection: psycopg.Connection[Any], change: Change, names: frozenset[str]) -> list[dict[str, Any]]:
    """For each affected statement: queryid, text, whether its plan reads the index, whether it should, and the plan, or
    why there is none."""
    statements = change.detail.get("statements", ())[:_MOST_STATEMENTS]
    planned = explain_each(connection, [str(each["text"]) for each in statements], _SECONDS)
    return [
        {
            "queryid": statement["queryid"],
            "uses": document is not None and not names.isdisjoint(parse_plan(document).indexes()),
            "due": bool(statement.get("generic", True)),
            "error": error,
            "text": statement["text"],
            "plan": document,
        }
        for statement, (document, error) in zip(statements, planned, strict=True)
    ]


def mark_part_undone(ledger: Ledger) -> None:
    """Of an undo that is partly done: say so at the change that it undoes, which is neither there nor gone."""
    original = _undone_by(ledger)
    if original is not None and original.state in UNDOABLE - {ChangeState.NEEDS_ATTENTION}:
        other = Ledger(ledger.journal, original, ledger.clock)
        other.database = ledger.database
        told = f"Its undo is partly done: {ledger.change.detail.get('result', '')}. Roll it back again to end that"
        other.move(ChangeState.NEEDS_ATTENTION, told, error=told)


def _undone_by(ledger: Ledger) -> Change | None:
    try:
        return ledger.journal.change(ledger.change.rolls_back) if ledger.change.rolls_back else None
    except UsageError:
        return None


def _mark_undone(ledger: Ledger) -> None:
    """Move the change that this one undoes to `rolled_back`, once."""
    reach("before_undone")
    original = _undone_by(ledger)
    if original is not None and original.state in UNDOABLE:
        other = Ledger(ledger.journal, original, ledger.clock)
        other.database = ledger.database
        other.move(ChangeState.ROLLED_BACK, f"Undone by the change {ledger.change.id}", undone_by=ledger.change.id)
    reach("after_undone")
