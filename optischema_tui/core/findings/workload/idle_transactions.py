"""Sessions that leave a transaction open and do nothing, while others wait for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from optischema_tui.core.findings.workload.blocking import root_of
from optischema_tui.core.findings.workload.facts import Facts, told, weighed
from optischema_tui.core.models import Finding, Impact, Reason, Session
from optischema_tui.core.safe_text import one_line

RULE = "workload.idle_in_transaction"
LEAST_IDLE = 60.0
"""Seconds in which an application may think."""
_LONG = 300.0
_LEAST_BLOCKED = 10.0
"""Session-seconds that others waited for them."""


@dataclass
class _Group:
    longest: float = 0.0
    seconds: float = 0.0
    """Session-seconds that were seen."""
    blocked: float = 0.0
    queryids: dict[int, float] = field(default_factory=dict)


def find(facts: Facts) -> Iterator[Finding]:
    hours = facts.sampled_seconds() / 3600
    for (role, application), group in sorted(_groups(facts).items()):
        if group.longest < _LONG and group.blocked < _LEAST_BLOCKED:
            continue
        who = f"role {one_line(role or 'unknown', 60)}, application {one_line(application or 'unnamed', 60)}"
        cost = group.blocked / hours * 1000 if hours else 0.0
        waited = f" and let others wait for {group.blocked:,.0f} s" if group.blocked else ""
        yield told(
            facts, RULE, who, "idle in transaction",
            f"Sessions of {who} stood idle in a transaction for up to {group.longest / 60:,.1f} minutes{waited}",
            reasons=(
                Reason("blocks_others", "Others waited for the locks of these transactions") if group.blocked else
                Reason("holds_back_vacuum", "An open transaction keeps its locks, and dead rows from being removed"),
                Reason("what_to_do", "Commit before waiting for anything else; idle_in_transaction_session_timeout for "
                       "the role ends what was forgotten"),
            ),
            impact=(
                Impact("ms_per_hour", cost, "Time that other sessions waited for them"),
                Impact("idle_seconds", group.longest, "The longest that was seen"),
            ),
            cost=cost,
            evidence=(f"Seen idle in transaction beyond {LEAST_IDLE:.0f} s for {group.seconds:,.0f} session-seconds of "
                      f"{hours:.1f} hours of samples",),
            queryids=tuple(sorted(group.queryids, key=lambda each: (-group.queryids[each], each)))[:5],
        )  # fmt: skip


def _groups(facts: Facts) -> dict[tuple[str, str], _Group]:
    groups: dict[tuple[str, str], _Group] = {}
    for sample, seconds in weighed(facts.samples):
        by_pid = {session.pid: session for session in sample.sessions}
        waiting = Counter(root_of(session, by_pid) for session in sample.sessions if session.blocked_by)
        for session in sample.sessions:
            blocked = waiting[session.pid]
            if _idle(session) and (blocked or (session.query_seconds or 0.0) >= LEAST_IDLE):
                group = groups.setdefault((session.role, session.application), _Group())
                group.longest = max(group.longest, session.query_seconds or 0.0)
                group.seconds += seconds
                group.blocked += seconds * blocked
                if session.queryid:
                    group.queryids[session.queryid] = group.queryids.get(session.queryid, 0.0) + seconds
    return groups


def _idle(session: Session) -> bool:
    return session.state.startswith("idle in transaction")
