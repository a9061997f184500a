"""`changes`, `approve`, `keep`, `withdraw`, `dismiss`: what a person decided, and what became of it."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.jobs import changes as jobs
from optischema_tui.core.models import Change, ChangeState, Recommendation
from optischema_tui.core.safe_text import clean, one_line, spoken
from optischema_tui.core.target.resolver import describe
from optischema_tui.twins.audit import enter
from optischema_tui.twins.context import Context, say
from optischema_tui.twins.table import table


def run(context: Context, arguments: Namespace) -> int:
    commands = {
        "changes": _list,
        "approve": _approve,
        "keep": _keep,
        "withdraw": _withdraw,
        "dismiss": _dismiss,
    }
    if arguments.command != "changes":
        enter(context, arguments.command, arguments.id)
    return commands[arguments.command](context, arguments)


def change_json(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "recommendation_id": change.recommendation_id,
        "state": str(change.state),
        "kind": change.kind,
        "title": clean(change.title),
        "sql": change.forward_sql,
        "inverse_sql": change.inverse_sql,
        "target": clean(change.target.label or change.target.database),
        "fingerprint": change.target.fingerprint,
        "index_name": change.index_name,
        "approved_by": change.approved_by,
        "approved_at": iso(change.approved_at) if change.approved_at else None,
        "updated_at": iso(change.updated_at) if change.updated_at else None,
        "rolls_back": change.rolls_back or None,
        "detail": _wide_numbers_as_text(change.detail),
    }


def _wide_numbers_as_text(value: Any) -> Any:
    """`value` with every queryid as a string: 64 bits are more than many readers of JSON keep."""
    if isinstance(value, dict):
        return {k: str(v) if k == "queryid" else _wide_numbers_as_text(v) for k, v in value.items()}
    return [_wide_numbers_as_text(one) for one in value] if isinstance(value, (list, tuple)) else value


def state_text(change: Change) -> str:
    """Where it stands, with what it waits for."""
    return f"{change.state}, {change.waits_for}" if change.waits_for else str(change.state)


def statements(sql: str) -> list[str]:
    """The statements of a change, indented, each with its `;`; none when there is none."""
    return [f"    {line}" for line in f"{sql};".splitlines()] if sql else []


def proposal_json(rec: Recommendation, state: str) -> dict[str, Any]:
    """A recommendation without a change, in the keys of a change."""
    return {
        "id": rec.id,
        "recommendation_id": rec.id,
        "state": state,
        "kind": rec.kind,
        "title": clean(rec.title),
        "sql": rec.forward_sql,
        "inverse_sql": rec.inverse_sql,
        "fingerprint": rec.target,
        "index_name": rec.index_name,
        "risk": str(rec.risk),
    }


def _list(context: Context, arguments: Namespace) -> int:
    _compare_unfinished(context)
    ledger = jobs.ledger(context.paths)
    undecided = (ChangeState.ROLLED_BACK, ChangeState.WITHDRAWN)
    decided = {change.recommendation_id for change in ledger.changes if change.state not in undecided}
    waiting = [(rec, str(ChangeState.PROPOSED)) for rec in ledger.recommendations if rec.id not in decided]
    if arguments.all:
        waiting += [(rec, "dismissed") for rec in ledger.dismissed]
    changes = [change for change in ledger.changes if arguments.all or not change.rolls_back]
    value = {"changes": [*(proposal_json(*one) for one in waiting), *map(change_json, changes)]}

    def text() -> str:
        if not value["changes"]:
            return "Nothing is proposed and nothing was changed. Next: optischema-tui advise TARGET"
        rows = [(rec.id, state, "", one_line(rec.title, 60), one_line(rec.forward_sql, 100)) for rec, state in waiting]
        rows += [
            (c.id, state_text(c), local_stamp(c.updated_at), one_line(c.title, 60), one_line(c.forward_sql, 100))
            for c in changes
        ]
        return table(("id", "state", "since", "title", "sql"), rows)

    context.out(value, text)
    return 0


def _approve(context: Context, arguments: Namespace) -> int:
    change = jobs.approve(
        context.paths,
        arguments.id,
        rules_of=lambda dsn: describe(dsn, context.config).policy,
        auto_undo=arguments.auto_undo,
        clock=context.clock,
    )
    typed = "" if not change.wants_typing else f" --type '{spoken(change.subject or change.kind)}'"
    undo = statements(change.inverse_sql) or ["    nothing undoes it"]
    lines = [
        f"approved as {change.id}: nothing ran yet",
        *statements(change.forward_sql),
        "undo:",
        *undo,
        *(["It rolls itself back when a statement becomes significantly worse."] if arguments.auto_undo else []),
        *_second_words(change),
        *(["Yours to do. Then say so as below: it is looked for, nothing is sent."] if change.by_hand else []),
        f"Next: optischema-tui apply {change.id} --yes --allow-changes{typed}",
    ]
    context.out(change_json(change), lambda: "\n".join(lines))
    return 0


def _second_words(change: Change) -> list[str]:
    path = change.detail.get("second", "")
    return [f"Another user must agree first: optischema-tui countersign {path}"] if path else []


def _keep(context: Context, arguments: Namespace) -> int:
    change = jobs.keep(context.paths, arguments.id, arguments.reason, clock=context.clock)
    context.out(change_json(change), lambda: f"kept: {change.title}")
    return 0


def _withdraw(context: Context, arguments: Namespace) -> int:
    change = jobs.withdraw(context.paths, arguments.id, arguments.reason, clock=context.clock)
    context.out(change_json(change), lambda: f"withdrawn: {change.title}")
    return 0


def _dismiss(context: Context, arguments: Namespace) -> int:
    rec = jobs.dismiss(context.paths, arguments.id, arguments.reason)
    context.out({"id": rec.id, "state": "dismissed", "sql": rec.forward_sql}, lambda: f"dismissed: {rec.title}")
    return 0


def _compare_unfinished(context: Context) -> None:
    """What a killed program left, held against the servers, so that the list says what is true there now."""
    for dsn in dict.fromkeys(change.dsn for change in jobs.unfinished(context.paths)):
        try:
            for verdict in jobs.reconcile(context.paths, context.spec(dsn), clock=context.clock):
                say(verdict.reason)
        except OptischemaError as error:
            say(f"not compared with the server: {error.sentence}")
