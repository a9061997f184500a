"""Lock convoys: many sessions behind one, again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from optischema_tui.core.findings.workload.blocking import root_of
from optischema_tui.core.findings.workload.facts import Facts, told, weighed
from optischema_tui.core.models import ActivitySample, Finding, Impact, Reason, Session

RULE = "workload.lock_convoy"
LEAST_SESSIONS = 4
"""That wait behind one root."""
LEAST_WAITED = 30.0
"""Session-seconds in all."""


def find(facts: Facts) -> Iterator[Finding]:
    waited: Counter[tuple[str, int]] = Counter()
    longest: Counter[tuple[str, int]] = Counter()
    roots: dict[tuple[str, int], Counter[int]] = {}
    for sample, seconds in weighed(facts.samples):
        for root, sessions in queues(sample):
            key = _place(sessions)
            waited[key] += round(seconds * len(sessions) * 1000)
            longest[key] = max(longest[key], len(sessions))
            roots.setdefault(key, Counter())[root.queryid or 0 if root else 0] += 1
    hours = facts.sampled_seconds() / 3600
    for key in sorted(waited):
        if waited[key] >= LEAST_WAITED * 1000 and hours:
            yield _told(facts, key, waited[key] / hours, longest[key], roots[key], hours)


def queues(sample: ActivitySample) -> list[tuple[Session | None, list[Session]]]:
    """Each session that waits for none (None where it is not in the sample), and those that wait for it, directly or
    behind others; only long queues. A circle of waits has no root: the server ends it."""
    by_pid = {session.pid: session for session in sample.sessions}
    found: dict[int, list[Session]] = {}
    for session in sample.sessions:
        if session.blocked_by and session.wait_type == "Lock":
            root = root_of(session, by_pid)
            if root is not None:
                found.setdefault(root, []).append(session)
    return [
        (by_pid.get(pid), sessions) for pid, sessions in sorted(found.items()) if len(sessions) >= LEAST_SESSIONS
    ]  # fmt: skip


def _place(sessions: list[Session]) -> tuple[str, int]:
    """What most of the queue waits for, and in which statement."""
    kinds = Counter((session.wait_event or "lock", session.queryid or 0) for session in sessions)
    return min(kinds, key=lambda kind: (-kinds[kind], kind))


def _told(
    facts: Facts, key: tuple[str, int], cost: float, longest: int, roots: Counter[int], hours: float
) -> Finding:  # fmt: skip
    event, queryid = key
    behind = min(roots, key=lambda root: (-roots[root], root))
    what = f"statement {queryid}" if queryid else "statements that are not known"
    first = f"mostly statement {behind}" if behind else "a session without a statement that is known"
    return told(
        facts, RULE, f"{queryid} ({event})" if queryid else event, "lock convoy",
        f"Up to {longest} sessions in {what} queued behind one for a lock ({event})",
        reasons=(
            Reason("queue", f"They waited for {cost / 1000:,.0f} session-seconds an hour; at the head: {first}"),
            Reason("what_to_do", "Make the transaction at the head shorter, take the lock last in it, or spread what "
                   "all change (one counter row, one parent row) over several rows"),
        ),
        impact=(Impact("ms_per_hour", cost, "Time that sessions waited in queues"),
                Impact("sessions", float(longest), "The longest queue")),
        cost=cost,
        evidence=(f"{sum(roots.values())} samples with a queue of {LEAST_SESSIONS} or more in {hours:.1f} hours",),
        queryids=tuple(dict.fromkeys(each for each in (queryid, behind) if each)),
    )  # fmt: skip
