"""`changes`, `approve`, `apply`, `rollback`, `keep`, `dismiss`: what a person decided, and what became of it."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace
from typing import Any

from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.jobs import changes as jobs
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check, Level, Recommendation
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password, say
from optischema_tui.twins.table import table


def run(context: Context, arguments: Namespace) -> int:
    commands = {
        "changes": _list,
        "approve": _approve,
        "apply": _apply,
        "rollback": _roll_back,
        "keep": _keep,
        "dismiss": _dismiss,
    }
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
    decided = {change.recommendation_id for change in ledger.changes if change.state is not ChangeState.ROLLED_BACK}
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
            (c.id, str(c.state), local_stamp(c.updated_at), one_line(c.title, 60), one_line(c.forward_sql, 100))
            for c in changes
        ]
        return table(("id", "state", "since", "title", "sql"), rows)

    context.out(value, text)
    return 0


def _approve(context: Context, arguments: Namespace) -> int:
    change = jobs.approve(context.paths, arguments.id, clock=context.clock)
    context.out(
        change_json(change),
        lambda: (
            f"approved as {change.id}: nothing ran yet\n    {change.forward_sql};\n    undo: {change.inverse_sql};\n"
            f"Next: optischema-tui apply {change.id} --yes --allow-changes"
        ),
    )
    return 0


def _keep(context: Context, arguments: Namespace) -> int:
    change = jobs.keep(context.paths, arguments.id, arguments.reason, clock=context.clock)
    context.out(change_json(change), lambda: f"kept: {change.title}")
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


def _apply(context: Context, arguments: Namespace) -> int:
    change = jobs.find(context.paths, arguments.id)

    def work(spec: TargetSpec) -> int:
        if not arguments.yes:
            return _show_preflight(context, change, spec)
        for verdict in jobs.reconcile(context.paths, spec, clock=context.clock):
            say(verdict.reason)
            if verdict.change.id == change.id and verdict.finding == Outcome.DONE:
                return _tell_applied(context, verdict.change)
        done = _carry_out(context, change, spec)
        return _tell_applied(context, done)

    return asking_password(context.spec(arguments.target or change.dsn), work)


def _carry_out(context: Context, change: Change, spec: TargetSpec, *, undo: bool = False) -> Change:
    return jobs.carry_out(
        context.paths,
        change.id,
        spec,
        undo=undo,
        clock=context.clock,
        on_check=_tell_check,
        on_progress=_teller(context),
        cancel=_cancel_on_interrupt(),
    )


def _tell_applied(context: Context, change: Change) -> int:
    context.out(change_json(change), lambda: f"{change.state}: {change.forward_sql}\n    {_detail(change)}".rstrip())
    return 0


def _roll_back(context: Context, arguments: Namespace) -> int:
    change = jobs.find(context.paths, arguments.id)

    def work(spec: TargetSpec) -> int:
        if not arguments.yes:
            return _show_preflight(context, change, spec, undo=True)
        undone = _carry_out(context, change, spec, undo=True)
        context.out(
            {**change_json(undone), "sql": undone.inverse_sql, "forward_sql": undone.forward_sql},
            lambda: f"{undone.state}: {undone.inverse_sql}",
        )
        return 0

    return asking_password(context.spec(arguments.target or change.dsn), work)


def _show_preflight(context: Context, change: Change, spec: TargetSpec, *, undo: bool = False) -> int:
    checks = jobs.preflight(context.paths, change.id, spec, undo=undo, clock=context.clock)
    sql = change.inverse_sql if undo else change.forward_sql
    blocked = any(check.level is Level.BLOCK for check in checks)
    lines = [{"name": c.name, "level": str(c.level), "reason": clean(c.reason), "query": c.query} for c in checks]
    context.out(
        {
            "id": change.id,
            "state": str(change.state),
            "sql": sql,
            "preflight": lines,
            "blocked": blocked,
        },
        lambda: "\n".join(
            [
                *(f"{c.level:<5} {c.name}: {c.reason}" for c in checks),
                "",
                f"would run: {sql};",
                "Blocked: nothing can run." if blocked else "Add --yes to run it.",
            ]
        ),
    )
    return 1 if blocked else 0


def _tell_check(check: Check) -> None:
    say(f"{check.level:<5} {check.name}: {check.reason}")


def _teller(context: Context) -> Any:
    def tell(progress: BuildProgress) -> None:
        fraction = min(0.99, progress.done / progress.total) if progress.total else 0.0
        blocker = f", waiting for pid {progress.blocker_pid}" if progress.blocker_pid else ""
        context.progress(f"{progress.phase}{blocker}", fraction)

    return tell


def _cancel_on_interrupt() -> threading.Event:
    """An event that the first Ctrl-C sets: the build is cancelled and cleaned up instead of being abandoned."""
    cancel = threading.Event()

    def on_interrupt(signum: int, frame: object) -> None:
        cancel.set()
        say("cancelling: the build is stopped and cleaned up")

    signal.signal(signal.SIGINT, on_interrupt)
    return cancel


def _detail(change: Change) -> str:
    return str(change.detail.get("verdict", "") or change.detail.get("error", ""))
