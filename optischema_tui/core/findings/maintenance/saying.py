"""What findings of this room have in common: their making, and the cost of what threatens."""

from __future__ import annotations

from optischema_tui.core.clock import iso
from optischema_tui.core.findings.maintenance.facts import Facts
from optischema_tui.core.models import Finding, FindingKind, Impact, Reason, finding_id

HOUR_MS = 3_600_000.0
"""Milliseconds in an hour: the whole time of one session, all that a finding can cost."""
OUTAGE_HOURS = 8.0
"""What a stop for want of numbers takes to mend."""


def finding(
    facts: Facts,
    rule: str,
    object_: str,
    verdict: str,
    title: str,
    *,
    reasons: tuple[Reason, ...] = (),
    impact: tuple[Impact, ...] = (),
    cost: float = 0.0,
    evidence: tuple[str, ...] = (),
    forward_sql: str = "",
    inverse_sql: str = "",
    queryids: tuple[int, ...] = (),
) -> Finding:
    return Finding(
        finding_id(facts.target, rule, object_), facts.target, FindingKind.MAINTENANCE, rule, object_, verdict, title,
        reasons, impact, cost, evidence, forward_sql, inverse_sql, queryids,
    )  # fmt: skip


def threat(hours: float) -> float:
    """ms an hour: a stop of `OUTAGE_HOURS` spread over the hours that are left until it comes."""
    return HOUR_MS * min(1.0, OUTAGE_HOURS / max(hours, OUTAGE_HOURS))


def day(now: float, hours: float) -> str:
    """The UTC date that lies `hours` after `now`; in words when that is a generation away."""
    if hours > 24 * 365 * 20:
        return "in more than 20 years"
    return iso(now + hours * 3600)[:10]


def ago(now: float, then: float | None) -> str:
    if then is None:
        return "never, as far as the server's statistics tell"
    hours = max(0.0, now - then) / 3600
    return f"{hours * 60:.0f} minutes ago" if hours < 2 else f"{hours:.0f} hours ago" if hours < 72 else (
        f"{hours / 24:.0f} days ago"
    )  # fmt: skip
