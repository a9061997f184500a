"""`findings`: what is worth knowing about a target, ordered by what it costs, and its health."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from optischema_tui.core.errors import UsageError
from optischema_tui.core.findings.health import Health
from optischema_tui.core.jobs.findings import Found, find, put_aside
from optischema_tui.core.models import Finding, FindingKind
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password


def run(context: Context, arguments: Namespace) -> int:
    if bool(arguments.dismiss) != bool(arguments.reason):
        raise UsageError("--dismiss and --reason go together", todo='Run: findings TARGET --dismiss ID --reason "why"')
    kinds = tuple(FindingKind(name) for name in arguments.kind or [kind.value for kind in FindingKind])

    def work(spec: TargetSpec) -> int:
        found = find(context.paths, spec, kinds, clock=context.clock)
        if arguments.dismiss:
            gone = put_aside(context.paths, found, arguments.dismiss, arguments.reason, clock=context.clock)
            context.out(finding_json(gone, arguments.reason), lambda: f"put aside: {one_line(gone.title, 300)}")
            return 0
        shown = found.health.findings + (found.aside if arguments.all else ())
        context.out(_value(found, shown), lambda: "\n".join(_text(found, shown)))
        return 0

    return asking_password(context.spec(arguments.target), work)


def _value(found: Found, shown: tuple[Finding, ...]) -> dict[str, Any]:
    health = found.health
    return {
        "target": clean(found.identity.label or found.identity.database),
        "fingerprint": found.identity.fingerprint,
        "score": health.score,
        "parts": [
            {"kind": part.kind.value, "points": part.points, "most": part.most, "findings": part.findings,
             "cost_ms_per_hour": part.cost}
            for part in health.parts
        ],
        "hidden": health.hidden,
        "problems": [
            {"kind": kind.value, "problem": clean(error.sentence)} for kind, error in found.problems.items()
        ],
        "findings": [finding_json(each, found.hidden.get(each.id, "")) for each in shown],
    }  # fmt: skip


def finding_json(each: Finding, dismissed: str = "") -> dict[str, Any]:
    """`dismissed`: why it was put aside."""
    return {
        "id": each.id,
        "kind": each.kind.value,
        "rule": each.rule,
        "object": clean(each.object),
        "verdict": each.verdict,
        "title": clean(each.title),
        "reasons": [{"code": reason.code, "reason": clean(reason.text)} for reason in each.reasons],
        "impact": [{"name": one.name, "value": one.value, "how": clean(one.text) or None} for one in each.impact],
        "cost_ms_per_hour": each.cost,
        "evidence": [clean(line) for line in each.evidence],
        "forward_sql": each.forward_sql or None,
        "inverse_sql": each.inverse_sql or None,
        "queryids": [str(queryid) for queryid in each.queryids],
        "recommendation_id": each.recommendation_id or None,
        "dismissed": clean(dismissed) or None,
    }


def _text(found: Found, shown: tuple[Finding, ...]) -> Iterator[str]:
    yield _score(found.health)
    for kind, error in found.problems.items():
        yield f"{kind.value}: not looked at. {error.sentence}"
    if not shown:
        yield "Nothing was found."
    for each in shown:
        cost = f", {each.cost:,.0f} ms an hour" if each.cost >= 1 else ""
        yield ""
        yield f"{each.id}  {each.rule}  {one_line(each.object, 100)}: {each.verdict}{cost}"
        yield f"    {one_line(each.title, 300)}"
        for reason in each.reasons:
            yield f"    - {one_line(reason.text, 300)}"
        for line in each.evidence:
            yield f"    . {one_line(line, 300)}"
        yield from (f"    {line}" for line in each.forward_sql.splitlines())
        if each.id in found.hidden:
            yield f"    put aside: {one_line(found.hidden[each.id], 200)}"
    if found.health.hidden and not any(each.id in found.hidden for each in shown):
        yield f"\n{found.health.hidden} put aside; --all shows them"


def _score(health: Health) -> str:
    parts = ", ".join(f"{part.kind.value} {part.points} of {part.most} ({part.findings})" for part in health.parts)
    return f"health {health.score} of 100: {parts}"
