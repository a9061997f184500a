"""`lab`: build the lab, and with --check hold its plans against the target's own."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from optischema_tui.core.jobs.lab import forget_labs
from optischema_tui.core.jobs.lab_check import LabReport, run_lab
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.sizes import size
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password
from optischema_tui.twins.table import table


def run(context: Context, arguments: Namespace) -> int:
    if arguments.forget:
        freed = forget_labs(context.paths)
        context.out({"freed_bytes": freed}, lambda: f"{size(freed)} of kept labs removed")
        return 0

    def work(spec: TargetSpec) -> int:
        report = run_lab(
            spec,
            context.paths,
            check=arguments.check,
            limit=arguments.limit,
            clock=context.clock,
            progress=context.progress,
            lab_bindir=context.config.lab_bindir,
        )
        context.out(report_json(report), lambda: report_text(report))
        return 0 if report.agrees else 1

    return asking_password(context.spec(arguments.target), work)


def report_json(report: LabReport) -> dict[str, Any]:
    compared = [one for one in report.comparisons if not one.error]
    return {
        "lab": report.lab_version,
        "build_seconds": round(report.build_seconds, 3),
        "not_modelled": [clean(what) for what in report.not_modelled],
        "compared": len(compared),
        "same_shape": sum(one.same_shape for one in compared),
        "max_cost_error": max((one.cost_error for one in compared), default=0.0),
        "agrees": report.agrees,
        "statements": [
            {
                "queryid": str(one.queryid),
                "query": clean(one.sql),
                "values": clean(one.values),
                "target_cost": one.target_cost,
                "lab_cost": one.lab_cost,
                "cost_error": one.cost_error,
                "same_shape": one.same_shape,
                "error": clean(one.error),
            }
            for one in report.comparisons
        ],
    }


def report_text(report: LabReport) -> str:
    lines = [f"{report.lab_version}, built in {report.build_seconds:.1f} s"]
    lines += [f"not modelled: {what}" for what in report.not_modelled]
    if report.comparisons:
        compared = [one for one in report.comparisons if not one.error]
        rows = [
            (
                f"{one.target_cost:,.2f}",
                f"{one.lab_cost:,.2f}",
                "-" if one.error else f"{one.cost_error:.2%}",
                one.error or ("same" if one.same_shape else "differs"),
                one_line(f"  with {one.values}" if one.values else one.sql, 90),
            )
            for one in report.comparisons
        ]
        same = sum(one.same_shape for one in compared)
        worst = max((one.cost_error for one in compared), default=0.0)
        lines += [
            "",
            table(("target cost", "lab cost", "error", "plan", "query, or the values in it"), rows, right=(0, 1, 2)),
            "",
            f"{same} of {len(compared)} plans have the same shape; largest cost error {worst:.2%}",
        ]
    return "\n".join(lines)
