"""`baseline`: named baselines of the history."""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import closing
from typing import Any

from optischema_tui.core.baseline.compare import Compared, Comparison
from optischema_tui.core.baseline.plans import SAME, tree
from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import baselines as jobs
from optischema_tui.core.models import Baseline, KeptPlan, WindowStats
from optischema_tui.core.moment import parse_moment
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context
from optischema_tui.twins.plan import plan_lines
from optischema_tui.twins.table import milliseconds, table

_NAMES = {"create": (1, 1), "show": (1, 1), "delete": (1, 1), "compare": (1, 2), "list": (0, 0)}


def run(context: Context, arguments: Namespace) -> int:
    if arguments.minutes <= 0:
        raise UsageError("--minutes must be more than 0")
    action = arguments.action
    least, most = _NAMES[action]
    if not least <= len(arguments.names) <= most:
        needs = {0: "no NAME", 1: "one NAME", 2: "one NAME (against now) or two"}[most]
        raise UsageError(f"baseline {action} needs {needs}")
    if action == "list":
        return _list(context)
    fingerprint, dsn = _known(context, arguments.target)
    if action == "create":
        return _create(context, fingerprint, _asked(context, dsn, arguments), arguments)
    if action == "show":
        return _show(context, jobs.show_baseline(context.paths, fingerprint, arguments.names[0]))
    if action == "delete":
        return _delete(context, fingerprint, arguments.names[0])
    return _compare(context, fingerprint, _asked(context, dsn, arguments), arguments)


def _known(context: Context, target: str | None) -> tuple[str, str]:
    """The target's fingerprint in history, and how it is reached; without a name, the one that was observed last."""
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
            return identity.fingerprint, target
        targets = history.targets()
        if not targets:
            raise UsageError("There is no history yet", "", "Run: optischema-tui collect TARGET --duration 60")
        return targets[0][0].fingerprint, targets[0][1]


def _asked(context: Context, dsn: str, arguments: Namespace) -> TargetSpec | None:
    """The server whose plans are taken; None when none are wanted."""
    return None if arguments.no_plans else context.spec(dsn)


def _moment(context: Context, arguments: Namespace, name: str) -> float | None:
    text = getattr(arguments, name, None)
    return parse_moment(text, context.clock.wall()) if text else None


def _create(context: Context, fingerprint: str, spec: TargetSpec | None, arguments: Namespace) -> int:
    made = jobs.create_baseline(
        context.paths, fingerprint, arguments.names[0], arguments.minutes,
        since=_moment(context, arguments, "since"), until=_moment(context, arguments, "until"), spec=spec,
        clock=context.clock,
    )  # fmt: skip
    context.out(
        _baseline_json(made),
        lambda: (
            f"baseline {made.name}: {len(made.statements)} statements, "
            f"{local_stamp(made.since)} to {local_stamp(made.until)}; {_plans_told(made)}"
        ),
    )
    return 0


def _baseline_json(made: Baseline) -> dict[str, Any]:
    return {
        "name": made.name,
        "fingerprint": made.target,
        "since": iso(made.since),
        "until": iso(made.until),
        "statements": len(made.statements),
        "planned": sum(1 for plan in made.plans if plan.document),
        "change_id": made.change_id or None,
        "no_plans": clean(made.no_plans) or None,
    }


def _plans_told(made: Baseline) -> str:
    """How many plans there are, as of when: a baseline's window may be older."""
    count = sum(1 for plan in made.plans if plan.document)
    if made.plans:
        return f"plans of {count} as of {local_stamp(made.created_at)}"
    return f"no plans: {one_line(made.no_plans, 200)}" if made.no_plans else "no plans"


def _list(context: Context) -> int:
    found = jobs.list_baselines(context.paths)
    context.out(
        {"baselines": [_baseline_json(one) | {"created_at": iso(one.created_at)} for one in found]},
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


def _show(context: Context, one: Baseline) -> int:
    whole = sum(stats.exec_time for stats in one.statements) or 1.0
    plans = {plan.queryid: plan for plan in one.plans}
    context.out(
        _baseline_json(one)
        | {
            "created_at": iso(one.created_at),
            "figures": [
                {"queryid": str(stats.key.queryid), "query": clean(stats.text), "share": stats.exec_time / whole}
                | _side(stats) | {"plan": _plan_json(plans.get(stats.key.queryid))}
                for stats in one.statements
            ],
        },
        lambda: (
            f"baseline {one.name}: {local_stamp(one.since)} to {local_stamp(one.until)}; {_plans_told(one)}\n\n"
            + table(
                ("share", "calls", "mean", "spread", "rows", "blocks", "temp", "plan cost", "query"),
                [
                    (
                        f"{stats.exec_time / whole:.1%}", str(stats.calls), milliseconds(stats.mean_exec_time),
                        milliseconds(stats.stddev_exec_time), str(stats.rows), str(stats.shared_blks),
                        str(stats.temp_blks), _total_cost(plans.get(stats.key.queryid)), one_line(stats.text, 80),
                    )
                    for stats in one.statements
                ],
                right=(0, 1, 2, 3, 4, 5, 6, 7),
            )
        ),
    )  # fmt: skip
    return 0


def _total_cost(plan: KeptPlan | None) -> str:
    node = tree(plan)
    return f"{node.total_cost:.2f}" if node is not None else "-"


def _plan_json(plan: KeptPlan | None) -> dict[str, Any] | None:
    """A kept plan with its document, or with why there is none; None where none was taken."""
    if plan is None:
        return None
    document = json.loads(plan.document) if tree(plan) is not None else None
    return {
        "taken_at": iso(plan.taken_at) if plan.taken_at else None,
        "document": document,
        "error": clean(plan.error) or None,
    }


def _side(stats: WindowStats | None) -> dict[str, Any]:
    return {
        "calls": stats.calls if stats else 0,
        "mean_ms": stats.mean_exec_time if stats else None,
        "spread_ms": stats.stddev_exec_time if stats else None,
        "rows": stats.rows if stats else 0,
        "shared_blks": stats.shared_blks if stats else 0,
        "temp_blks": stats.temp_blks if stats else 0,
    }


def _delete(context: Context, fingerprint: str, name: str) -> int:
    jobs.delete_baseline(context.paths, fingerprint, name)
    context.out({"name": name, "deleted": True}, lambda: f"baseline {one_line(name, 60)} is deleted")
    return 0


def _compare(context: Context, fingerprint: str, spec: TargetSpec | None, arguments: Namespace) -> int:
    second = arguments.names[1] if len(arguments.names) == 2 else None
    compared = jobs.compare_baselines(
        context.paths, fingerprint, arguments.names[0], second, arguments.minutes,
        since=_moment(context, arguments, "since"), until=_moment(context, arguments, "until"), spec=spec,
        clock=context.clock,
    )  # fmt: skip
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
                "rows_before": total.rows[0],
                "rows_after": total.rows[1],
                "shared_blks_before": total.shared_blks[0],
                "shared_blks_after": total.shared_blks[1],
                "temp_blks_before": total.temp_blks[0],
                "temp_blks_after": total.temp_blks[1],
                "spread_before_ms": total.spread[0],
                "spread_after_ms": total.spread[1],
                "change": total.change,
                "verdict": str(total.verdict),
            },
        },
        lambda: _comparison_text(compared, arguments.plans),
    )
    return 0


def _row_json(row: Compared) -> dict[str, Any]:
    before, after = _side(row.before), _side(row.after)
    return {
        "queryid": str(row.key.queryid),
        "query": clean(row.text),
        "calls_before": before["calls"],
        "calls_after": after["calls"],
        "mean_before_ms": before["mean_ms"],
        "mean_after_ms": after["mean_ms"],
        "spread_before_ms": before["spread_ms"],
        "spread_after_ms": after["spread_ms"],
        "rows_before": before["rows"],
        "rows_after": after["rows"],
        "shared_blks_before": before["shared_blks"],
        "shared_blks_after": after["shared_blks"],
        "temp_blks_before": before["temp_blks"],
        "temp_blks_after": after["temp_blks"],
        "share_before": row.share_before,
        "share_after": row.share_after,
        "change": row.change,
        "noise": row.noise,
        "verdict": str(row.verdict),
        "plan": clean(row.plan),
        "plans": [_plan_json(plan) for plan in row.plans],
    }


def _comparison_text(compared: Comparison, plans: bool) -> str:
    lines = [
        (
            str(row.verdict),
            _signed(row.change),
            milliseconds(row.before.mean_exec_time if row.before else None),
            milliseconds(row.after.mean_exec_time if row.after else None),
            str(row.before.calls if row.before else 0),
            str(row.after.calls if row.after else 0),
            _per_call(row.before),
            _per_call(row.after),
            one_line(row.text, 80) + (f"  [plan: {one_line(row.plan, 120)}]" if row.plan else ""),
        )
        for row in compared.rows
    ]
    total = compared.total
    lines.append(
        (
            str(total.verdict), _signed(total.change), "", "", str(total.calls_before), str(total.calls_after), "", "",
            "(total)",
        )
    )  # fmt: skip
    header = (
        "verdict", "change", "mean before", "mean after", "calls before", "calls after", "blocks/call before", "after",
        "query",
    )  # fmt: skip
    return (
        table(header, lines, right=(1, 2, 3, 4, 5, 6, 7))
        + f"\n\n{compared.rule}"
        + (_plans_text(compared) if plans else "")
    )


def _plans_text(compared: Comparison) -> str:
    """Both plans of each statement that has one; of those whose plan is the same, only that."""
    lines: list[str] = []
    for row in compared.rows:
        if not any(row.plans):
            continue
        lines += ["", one_line(row.text, 200), f"  {row.plan or 'there are not two plans to compare'}"]
        if row.plan == SAME:
            continue
        for side, plan in zip(("before", "after"), row.plans, strict=True):
            node = tree(plan)
            if plan is None or node is None:
                lines.append(f"  {side}: no plan: {one_line(plan.error, 200) if plan else 'none was kept'}")
            else:
                lines.append(f"  {side}, as of {local_stamp(plan.taken_at)}:")
                lines += [f"    {line}" for line in plan_lines(node, 0)]
    return "\n" + "\n".join(lines or ["", "No plan is known of either side."])


def _per_call(stats: WindowStats | None) -> str:
    return f"{stats.shared_blks / stats.calls:.1f}" if stats and stats.calls else "-"


def _signed(change: float | None) -> str:
    return "-" if change is None else f"{change:+.1%}"
