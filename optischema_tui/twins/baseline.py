"""`baseline`: named baselines of the history."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing

from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import baselines as jobs
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context
from optischema_tui.twins.table import milliseconds, percent, table


def run(context: Context, arguments: Namespace) -> int:
    if arguments.minutes <= 0:
        raise UsageError("--minutes must be more than 0")
    if arguments.action == "list":
        return _list(context)
    if arguments.action == "create":
        if len(arguments.names) != 1:
            raise UsageError("baseline create needs one NAME")
        return _create(context, arguments)
    if not 1 <= len(arguments.names) <= 2:
        raise UsageError("baseline compare needs one NAME (against now) or two")
    return _compare(context, arguments)


def _fingerprint(context: Context, target: str | None) -> str:
    """The target's fingerprint in history; without a name, the one that was observed last."""
    with closing(History.open(context.paths.history_db)) as history:
        if target:
            spec = context.spec(target)
            identity = history.identity_of(spec.key)
            if identity is None:
                raise UsageError(
                    f"There is no history of {spec.label} yet",
                    "",
                    f"Run: optischema-tui collect {clean(target)} --duration 60",
                )
            return identity.fingerprint
        latest = history.latest_target()
        if latest is None:
            raise UsageError("There is no history yet", "", "Run: optischema-tui collect TARGET --duration 60")
        return latest.fingerprint


def _create(context: Context, arguments: Namespace) -> int:
    fingerprint = _fingerprint(context, arguments.target)
    made = jobs.create_baseline(context.paths, fingerprint, arguments.names[0], arguments.minutes, clock=context.clock)
    context.out(
        {
            "name": made.name,
            "fingerprint": fingerprint,
            "since": iso(made.since),
            "until": iso(made.until),
            "statements": len(made.statements),
        },
        lambda: (
            f"baseline {made.name}: {len(made.statements)} statements, "
            f"{local_stamp(made.since)} to {local_stamp(made.until)}"
        ),
    )
    return 0


def _list(context: Context) -> int:
    found = jobs.list_baselines(context.paths)
    context.out(
        {
            "baselines": [
                {
                    "name": one.name,
                    "fingerprint": one.target,
                    "created_at": iso(one.created_at),
                    "since": iso(one.since),
                    "until": iso(one.until),
                    "statements": len(one.statements),
                }
                for one in found
            ]
        },
        lambda: (
            table(
                ("name", "since", "until", "statements", "target"),
                [
                    (one.name, local_stamp(one.since), local_stamp(one.until), str(len(one.statements)), one.target)
                    for one in found
                ],
                right=(3,),
            )
            if found
            else "There is no baseline yet. Next: optischema-tui baseline create NAME"
        ),
    )
    return 0


def _compare(context: Context, arguments: Namespace) -> int:
    fingerprint = _fingerprint(context, arguments.target)
    second = arguments.names[1] if len(arguments.names) == 2 else None
    compared = jobs.compare_baselines(
        context.paths, fingerprint, arguments.names[0], second, arguments.minutes, clock=context.clock
    )
    lines = (*compared.statements, compared.total)
    context.out(
        {
            "before": compared.before,
            "after": compared.after,
            "statements": [
                {
                    "queryid": str(line.key.queryid) if line.key else None,
                    "query": clean(line.text),
                    "calls_before": line.calls_before,
                    "calls_after": line.calls_after,
                    "mean_before_ms": line.mean_before,
                    "mean_after_ms": line.mean_after,
                    "change": line.change,
                    "verdict": line.verdict,
                }
                for line in lines
            ],
        },
        lambda: table(
            ("verdict", "change", "mean before", "mean after", "calls before", "calls after", "query"),
            [
                (
                    line.verdict,
                    percent(line.change),
                    milliseconds(line.mean_before),
                    milliseconds(line.mean_after),
                    str(line.calls_before),
                    str(line.calls_after),
                    one_line(line.text, 80),
                )
                for line in lines
            ],
            right=(1, 2, 3, 4, 5),
        ),
    )
    return 0
