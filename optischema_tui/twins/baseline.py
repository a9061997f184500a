"""`baseline`: named baselines of the history."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing
from typing import Any

from optischema_tui.core.baseline.compare import Compared, Comparison
from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import baselines as jobs
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context
from optischema_tui.twins.table import milliseconds, table


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
        targets = history.targets()
        if not targets:
            raise UsageError("There is no history yet", "", "Run: optischema-tui collect TARGET --duration 60")
        return targets[0][0].fingerprint


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
    total = compared.total
    context.out(
        {
            "before": compared.before,
            "after": compared.after,
            "rule": compared.rule,
            "statements": [_row_json(row) for row in compared.rows],
            "total": {
                "calls_before": total.calls_before,
                "calls_after": total.calls_after,
                "time_before_ms": total.time_before,
                "time_after_ms": total.time_after,
                "change": total.change,
                "verdict": str(total.verdict),
            },
        },
        lambda: _comparison_text(compared),
    )
    return 0


def _row_json(row: Compared) -> dict[str, Any]:
    before, after = row.before, row.after
    return {
        "queryid": str(row.key.queryid),
        "query": clean(row.text),
        "calls_before": before.calls if before else 0,
        "calls_after": after.calls if after else 0,
        "mean_before_ms": before.mean_exec_time if before else None,
        "mean_after_ms": after.mean_exec_time if after else None,
        "share_before": row.share_before,
        "share_after": row.share_after,
        "change": row.change,
        "noise": row.noise,
        "verdict": str(row.verdict),
    }


def _comparison_text(compared: Comparison) -> str:
    lines = [
        (
            str(row.verdict),
            _signed(row.change),
            milliseconds(row.before.mean_exec_time if row.before else None),
            milliseconds(row.after.mean_exec_time if row.after else None),
            str(row.before.calls if row.before else 0),
            str(row.after.calls if row.after else 0),
            one_line(row.text, 80),
        )
        for row in compared.rows
    ]
    total = compared.total
    lines.append(
        (str(total.verdict), _signed(total.change), "", "", str(total.calls_before), str(total.calls_after), "(total)")
    )
    header = ("verdict", "change", "mean before", "mean after", "calls before", "calls after", "query")
    return table(header, lines, right=(1, 2, 3, 4, 5)) + f"\n\n{compared.rule}"


def _signed(change: float | None) -> str:
    return "-" if change is None else f"{change:+.1%}"
