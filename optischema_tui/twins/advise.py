"""`advise`: index recommendations, each proved in the lab."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs.advise import AdviceReport, run_advise
from optischema_tui.core.models import Recommendation
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.sizes import parse_size
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.workload_file import parse
from optischema_tui.twins.context import Context, asking_password
from optischema_tui.twins.table import percent, size


def run(context: Context, arguments: Namespace) -> int:
    workload = parse(_read(arguments.workload)) if arguments.workload else None
    budget = parse_size(arguments.budget) if arguments.budget else None

    def work(spec: TargetSpec) -> int:
        report = run_advise(
            spec,
            context.paths,
            clock=context.clock,
            progress=context.progress,
            workload=workload,
            budget=budget,
            lab_bindir=context.config.lab_bindir,
        )
        context.out(report_json(report), lambda: report_text(report))
        return 0

    return asking_password(context.spec(arguments.target), work)


def _read(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"The workload file {name} cannot be read", error.strerror or str(error)) from error
    return data.decode("utf-8", "replace")


def recommendation_json(rec: Recommendation) -> dict[str, Any]:
    evidence = rec.evidence
    return {
        "id": rec.id,
        "kind": rec.kind,
        "title": clean(rec.title),
        "forward_sql": rec.forward_sql,
        "inverse_sql": rec.inverse_sql,
        "risk": str(rec.risk),
        "risk_reasons": list(rec.risk_reasons),
        "index_name": rec.index_name,
        "evidence": {
            "cost_before": evidence.cost_before,
            "cost_after": evidence.cost_after,
            "gain": evidence.gain,
            "share": evidence.share,
            "size_bytes": evidence.size_bytes,
            "planner": evidence.planner,
            "confidence": evidence.confidence,
            "notes": list(evidence.notes),
            "statements": [
                {
                    "queryid": str(one.queryid),
                    "query": clean(one.text),
                    "share": one.share,
                    "calls": one.calls,
                    "mean_exec_time_ms": one.mean_exec_time,
                    "cost_before": one.cost_before,
                    "cost_after": one.cost_after,
                }
                for one in evidence.affected
            ],
        },
        "why_not": list(rec.why_not),
    }


def report_json(report: AdviceReport) -> dict[str, Any]:
    advice = report.advice
    return {
        "target": clean(report.target.label or report.target.database),
        "fingerprint": report.target.fingerprint,
        "recommendations": [recommendation_json(rec) for rec in report.recommendations],
        "dismissed": list(report.dismissed),
        "rejected": [clean(reason) for reason in advice.why_not],
        "unplanned": [{"query": clean(sql), "reason": clean(reason)} for sql, reason in advice.unplanned],
        "not_modelled": [clean(what) for what in report.not_modelled],
        "workload": {
            "statements": report.statements,
            "cost_before": advice.cost_before,
            "cost_after": advice.cost_after,
            "planned": advice.planned,
            "left_out": advice.left_out,
            "left_out_share": advice.left_out_share,
        },
        "planner_calls": advice.planner_calls,
        "seconds": round(report.seconds, 3),
    }


def report_text(report: AdviceReport) -> str:
    advice = report.advice
    lines = [
        f"{report.statements} statements, {advice.planner_calls} plans in the lab, {report.seconds:.1f} s",
        f"planned cost of the workload: {advice.cost_before:,.0f} now, {advice.cost_after:,.0f} with these indexes",
    ]
    if advice.left_out:
        lines.append(f"{advice.left_out} light statements left out, {percent(advice.left_out_share)} of time")
    if not report.recommendations:
        lines += ["", "No index is worth recommending for this workload."]
    for rec in report.recommendations:
        evidence = rec.evidence
        lines += [
            "",
            f"{rec.id}  {rec.title}   risk {rec.risk}",
            f"    {evidence.gain:.1f}x cheaper for {len(evidence.affected)} statements, "
            f"{percent(evidence.share)} of load; about {size(evidence.size_bytes)}",
            f"    proved by {evidence.planner}; confidence {evidence.confidence}",
            *(f"    because {note}" for note in evidence.notes),
            *(f"    risk: {reason}" for reason in rec.risk_reasons),
            *(f"    helps: {one_line(one.text, 100)}" for one in evidence.affected),
            f"    {rec.forward_sql};",
            f"    undo: {rec.inverse_sql};",
        ]
    if report.dismissed:
        lines += ["", f"{len(report.dismissed)} found again that were dismissed: {', '.join(report.dismissed)}"]
    if advice.why_not:
        lines += ["", "Not recommended:", *(f"    {reason}" for reason in advice.why_not)]
    if advice.unplanned:
        lines += ["", "Not judged:", *(f"    {one_line(sql, 70)}: {reason}" for sql, reason in advice.unplanned)]
    if report.not_modelled:
        lines += ["", "Not modelled in the lab:", *(f"    {what}" for what in report.not_modelled)]
    if report.recommendations:
        lines += ["", "Next: optischema-tui approve ID, then optischema-tui apply ID --yes --allow-changes"]
    return "\n".join(lines)
