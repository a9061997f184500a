"""`apply`, `rollback`, `cancel`: a change is carried out, taken back, or ended before its time."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.jobs import changes as jobs
from optischema_tui.core.jobs.batch import carry_out_all, is_subject, refuse_unless_one_batch
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check, Level
from optischema_tui.core.safe_text import clean, one_line, spoken
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.audit import enter
from optischema_tui.twins.changes import change_json, statements
from optischema_tui.twins.context import Context, asking_password, say


def run(context: Context, arguments: Namespace) -> int:
    named = arguments.ids if arguments.command == "apply" else [arguments.id]
    if getattr(arguments, "yes", True):
        enter(context, arguments.command, arguments.target or " ".join(named))
    found = {change.id: change for change in (jobs.find(context.paths, one) for one in named)}
    changes = tuple(found.values())
    commands = {"apply": _apply, "rollback": _roll_back, "cancel": _cancel}

    def work(spec: TargetSpec) -> int:
        return commands[arguments.command](context, arguments, changes, spec)

    return asking_password(context.spec(arguments.target or changes[0].dsn), work)


# --- apply ---


def _apply(context: Context, arguments: Namespace, changes: tuple[Change, ...], spec: TargetSpec) -> int:
    if len(changes) > 1:
        return _apply_all(context, arguments, changes, spec)
    change = changes[0]
    if not arguments.yes:
        return _show_preflight(context, change, spec)
    if _reconciled(context, spec, change.id):
        return _tell_applied(context, jobs.find(context.paths, change.id))
    typed = next((each for each in arguments.typed if is_subject(each, change)), "")
    return _tell_applied(context, _carry_out(context, change, spec, typed=typed))


def _reconciled(context: Context, spec: TargetSpec, change_id: str) -> bool:
    """Whether the change turned out to be done, when what was under way was held against the server."""
    done = False
    for verdict in jobs.reconcile(context.paths, spec, clock=context.clock):
        say(verdict.reason)
        done = done or (verdict.change.id == change_id and verdict.finding == Outcome.DONE)
    return done


def _apply_all(context: Context, arguments: Namespace, changes: tuple[Change, ...], spec: TargetSpec) -> int:
    if not arguments.yes:
        refuse_unless_one_batch(changes)
        looked = [_preflight(context, change, spec) for change in changes]
        value = {"changes": looked, "blocked": any(one["blocked"] for one in looked)}
        context.out(value, lambda: "\n\n".join(map(_preflight_text, looked)))
        return 1 if value["blocked"] else 0
    _reconciled(context, spec, "")
    end = carry_out_all(
        context.paths, [jobs.find(context.paths, change.id) for change in changes], spec, clock=context.clock,
        typed=arguments.typed, on_begin=lambda place, change: say(f"{place + 1}/{len(changes)} {change.title}"),
        on_check=_tell_check, on_progress=_teller(context), cancel=_cancel_on_interrupt(),
    )  # fmt: skip
    error = end.error
    stopped = {"what": clean(error.what), "why": clean(error.why), "todo": clean(error.todo)} if error else {}
    value = {
        "changes": [change_json(change) for change in (*end.done, *((end.stopped_at,) if end.stopped_at else ()))],
        "stopped_by": {"id": end.stopped_at.id, **stopped} if end.stopped_at else None,
        "not_begun": [change.id for change in end.not_begun],
    }
    context.out(value, lambda: "\n".join(_batch_text(end.done, end.stopped_at, end.not_begun)))
    if error is None:
        return 0
    say(f"optischema-tui: the batch stopped. {error.sentence}")
    return error.exit_code


def _batch_text(done: Sequence[Change], stopped_at: Change | None, not_begun: Sequence[Change]) -> list[str]:
    lines = [f"{change.state}: {one_line(change.title, 90)} ({change.id})" for change in done]
    if stopped_at is not None:
        lines.append(f"{stopped_at.state}: {one_line(stopped_at.title, 90)} ({stopped_at.id}): here it stopped")
    return [*lines, *(f"not begun: {one_line(change.title, 90)} ({change.id})" for change in not_begun)]


def _carry_out(context: Context, change: Change, spec: TargetSpec, *, undo: bool = False, typed: str = "") -> Change:
    return jobs.carry_out(
        context.paths,
        change.id,
        spec,
        undo=undo,
        clock=context.clock,
        on_check=_tell_check,
        on_progress=_teller(context),
        cancel=_cancel_on_interrupt(),
        typed=typed,
    )


def _tell_applied(context: Context, change: Change) -> int:
    told = str(change.detail.get("verdict", "") or change.detail.get("error", ""))
    if change.waits_for:
        told = str(change.detail.get("result", ""))
    context.out(change_json(change), lambda: f"{change.state}: {change.forward_sql}\n    {told}".rstrip())
    return 0


# --- roll back, cancel ---


def _roll_back(context: Context, arguments: Namespace, changes: tuple[Change, ...], spec: TargetSpec) -> int:
    if not arguments.yes:
        return _show_preflight(context, changes[0], spec, undo=True)
    undone = _carry_out(context, changes[0], spec, undo=True)
    context.out(
        {**change_json(undone), "sql": undone.inverse_sql, "forward_sql": undone.forward_sql},
        lambda: f"{undone.state}: {undone.inverse_sql}",
    )
    return 0


def _cancel(context: Context, arguments: Namespace, changes: tuple[Change, ...], spec: TargetSpec) -> int:
    """0 when nothing of it is left, 1 when the server shows something else: it was quicker, or still works on it."""
    ended = jobs.cancel(context.paths, changes[0].id, spec, clock=context.clock, on_progress=_teller(context))
    told = str(ended.detail.get("result", ""))
    context.out(change_json(ended), lambda: f"{ended.state}: {told}".rstrip(": "))
    return 0 if ended.state in (ChangeState.FAILED_CLEAN, ChangeState.APPROVED) else 1


# --- what is told on the way ---


def _show_preflight(context: Context, change: Change, spec: TargetSpec, *, undo: bool = False) -> int:
    looked = _preflight(context, change, spec, undo=undo)
    context.out(looked, lambda: _preflight_text(looked))
    return 1 if looked["blocked"] else 0


def _preflight(context: Context, change: Change, spec: TargetSpec, *, undo: bool = False) -> dict[str, Any]:
    checks = jobs.preflight(context.paths, change.id, spec, undo=undo, clock=context.clock)
    lines = [{"name": c.name, "level": str(c.level), "reason": clean(c.reason), "query": c.query} for c in checks]
    return {
        "id": change.id,
        "state": str(change.state),
        "sql": change.inverse_sql if undo else change.forward_sql,
        "preflight": lines,
        "blocked": any(check.level is Level.BLOCK for check in checks),
        "by_hand": change.by_hand,
        "type": "" if undo or not change.wants_typing else spoken(change.subject or change.kind),
    }


def _preflight_text(looked: dict[str, Any]) -> str:
    what = "once you have done it: it is looked for, and nothing is sent" if looked["by_hand"] else "to run it"
    add = f"--yes --type '{looked['type']}'" if looked["type"] else "--yes"
    return "\n".join(
        [
            *(f"{line['level']:<5} {line['name']}: {line['reason']}" for line in looked["preflight"]),
            "",
            "you would do:" if looked["by_hand"] else "would run:",
            *statements(looked["sql"]),
            "Blocked: nothing can run." if looked["blocked"] else f"Add {add} {what}.",
        ]
    )


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
