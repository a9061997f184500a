"""Advice without the literals of the statements it rests on; the SQL of an index keeps those that make the index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from optischema_tui.core.advise.result import Advice
from optischema_tui.core.models import Recommendation
from optischema_tui.core.workload.discretion import Discretion


def discreet(advice: Advice, discretion: Discretion) -> Advice:
    """`advice` as it may be kept and shown."""
    return replace(
        advice,
        recommendations=tuple(_recommendation(each, discretion) for each in advice.recommendations),
        why_not=tuple(map(discretion.sentence, advice.why_not)),
        unplanned=tuple((sql, discretion.refusal(reason, sql)) for sql, reason in advice.unplanned),
    )


def _recommendation(rec: Recommendation, discretion: Discretion) -> Recommendation:
    kept = (rec.forward_sql, rec.inverse_sql)

    def said(sentences: Iterable[str]) -> tuple[str, ...]:
        return tuple(discretion.sentence(each, kept) for each in sentences)

    evidence = rec.evidence
    return replace(
        rec,
        title=discretion.sentence(rec.title, kept),
        risk_reasons=said(rec.risk_reasons),
        why_not=said(rec.why_not),
        evidence=replace(
            evidence,
            notes=said(evidence.notes),
            would_change=said(evidence.would_change),
            facts=said(evidence.facts),
            unknowns=said(evidence.unknowns),
        ),
    )
