"""`advise`: index recommendations, each proved in the lab."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs.advise import AdviceReport, run_advise
from optischema_tui.core.models import Recommendation
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.sizes import parse_size, size
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.workload_file import parse
from optischema_tui.twins.context import Context, asking_password
from optischema_tui.twins.table import percent


def run(context: Context, arguments: Namespace) -> int:
    # Empty words are those of a variable that is not set: a mistake, not the wish for no file and no bound.
    workload = parse(_read(arguments.workload)) if arguments.workload is not None else None
    budget = parse_size(arguments.budget) if arguments.budget is not None else None

    def work(spec: TargetSpec) -> int:
        if arguments.no_sample:
            spec = replace(spec, sample_rows=False)
        report = run_advise(
            spec,
            context.paths,
            clock=context.clock,
            progress=context.progress,
            workload=workload,
            budget=budget,
            seconds=arguments.seconds,
            lab_bindir=context.config.lab_bindir,
        )
        context.out(report_json(report), lambda: report_text(report))
        return 0

    return asking_password(context.spec(arguments.target), work)


def _read(name: str) -> str:
    if not name:
        raise UsageError(
            "No workload file is named", "--workload was given nothing", "Name a file, or - for standard input"
        )
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
            "upkeep": evidence.upkeep,
            "would_change": list(evidence.would_change),
            "facts": list(evidence.facts),
            "unknowns": list(evidence.unknowns),
            "second_opinion": evidence.second_opinion,
            "statements": [
                {
                    "queryid": str(one.queryid),
                    "query": clean(one.text),
                    "share": one.share,
                    "calls": one.calls,
                    "mean_exec_time_ms": one.mean_exec_time,
                    "cost_before": one.cost_before,
                    "cost_after": one.cost_after,
                    "generic_cost_before": one.generic_before,
                    "generic_cost_after": one.generic_after,
                    "fidelity": one.fidelity,
                    "values": list(one.values),
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
            "questions": advice.questions,
        },
        "gain": advice.gain,
        "bound": advice.bound,
        "budget_bytes": report.budget,
        "curve": [asdict(point) for point in advice.curve],
        "page_price": advice.pages,
        "candidates": advice.candidates,
        "stopped": advice.stopped,
        "fidelity": [
            {
                "queryid": str(one.queryid),
                "query": clean(one.text),
                "target_cost": one.target_cost,
                "lab_cost": one.lab_cost,
                "same_shape": one.same_shape,
                "error": clean(one.error),
            }
            for one in report.fidelity
        ],
        "planner_calls": advice.planner_calls,
        "seconds": round(report.seconds, 3),
    }


def report_text(report: AdviceReport) -> str:
    lines = _summary_lines(report)
    if not any(rec.kind == "create_index" for rec in report.recommendations):
        lines += ["", _nothing(report)]
    for rec in report.recommendations:
        lines += ["", *recommendation_lines(rec)]
    advice = report.advice
    if report.dismissed:
        lines += ["", f"{len(report.dismissed)} found again that were dismissed: {', '.join(report.dismissed)}"]
    if advice.why_not:
        lines += ["", "Not recommended:", *(f"    {one_line(reason)}" for reason in advice.why_not)]
    if advice.unplanned:
        lines += ["", "Not judged:", *(f"    {one_line(sql, 70)}: {one_line(why)}" for sql, why in advice.unplanned)]
    if report.not_modelled:
        lines += ["", "Not modelled in the lab:", *(f"    {one_line(what)}" for what in report.not_modelled)]
    if any(rec.kind == "create_index" for rec in report.recommendations):
        lines += ["", "Next: optischema-tui approve ID, then optischema-tui apply ID --yes --allow-changes"]
    return "\n".join(lines)


def _nothing(report: AdviceReport) -> str:
    """Nothing found is not the same as nothing looked at."""
    advice = report.advice
    if not advice.planned:
        return "No statement could be judged, so nothing is recommended."
    if advice.stopped:
        return "The search ended before it found an index worth recommending."
    if report.budget is not None:
        return f"No index worth recommending for this workload fits into {size(report.budget)}."
    return "No index is worth recommending for this workload."


def _summary_lines(report: AdviceReport) -> list[str]:
    advice = report.advice
    many = "1 statement" if report.statements == 1 else f"{report.statements} statements"
    lines = [
        f"{many}, {advice.planner_calls} plans in the lab, {report.seconds:.1f} s"
        + (", stopped early" if advice.stopped else ""),
    ]
    if advice.planned:
        before, after = f"{advice.cost_before:,.0f}", f"{advice.cost_after:,.0f}"
        lines.append(f"planned cost of the workload: {before} now, {after} with these indexes")
        saved, bound = percent(advice.gain), percent(advice.bound)
        whose = " of the statements looked at" if advice.left_out else ""
        lines.append(f"measured time saved{whose}, writes counted: {saved}; no set saves more than {bound}")
    if advice.pages < 1:
        lines.append(f"the measured times say that pages come from memory: page prices taken at {advice.pages:.0%}")
    if advice.left_out:
        lines.append(f"light statements left out: {advice.left_out}, {percent(advice.left_out_share)} of time")
    compared = [one for one in report.fidelity if not one.error]
    if compared:
        same = sum(one.same_shape for one in compared)
        worst = max(one.cost_error for one in compared)
        lines.append(f"the lab plans as the target does: {same} of {len(compared)}, costs within {worst:.1%}")
    if len(advice.curve) > 2:
        points = (f"{size(point.size_bytes)} {percent(point.gain)}" for point in advice.curve[1:])
        lines.append(f"gain by size: {', '.join(points)}")
    return lines


def recommendation_lines(rec: Recommendation) -> list[str]:
    evidence = rec.evidence
    if rec.kind == "drop_index":
        proof = f"    confidence {evidence.confidence}"
    else:
        many = "1 statement" if len(evidence.affected) == 1 else f"{len(evidence.affected)} statements"
        proof = (
            f"    {evidence.gain:.1f}x cheaper for {many}, "
            f"{percent(evidence.share)} of load; about {size(evidence.size_bytes)}"
        )
    lines = [f"{rec.id}  {one_line(rec.title)}   risk {rec.risk}", proof]
    if rec.kind != "drop_index":
        lines.append(f"    proved by {evidence.planner}; confidence {evidence.confidence}")
    whom = "read by" if rec.kind == "drop_index" else "helps"
    if evidence.second_opinion:
        lines.append(f"    second opinion: {one_line(evidence.second_opinion)}")
    return [
        *lines,
        *(f"    because {one_line(note)}" for note in evidence.notes),
        *(f"    known: {one_line(fact)}" for fact in evidence.facts),
        *(f"    check first: {one_line(unknown)}" for unknown in evidence.unknowns),
        *(f"    risk: {one_line(reason)}" for reason in rec.risk_reasons),
        *(f"    would change it: {one_line(reason)}" for reason in evidence.would_change),
        *(f"    {whom}: {one_line(one.text, 100)}" for one in evidence.affected),
        f"    {rec.forward_sql};",
        f"    undo: {rec.inverse_sql};",
    ]
