"""Sessions that stayed in a transaction, and others that waited for them, with nothing to end it."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, Statement
from optischema_tui.core.findings.settings.saying import Scope, advice, concentrated
from optischema_tui.core.models import Finding, Impact, Reason

IDLE = "idle_in_transaction_session_timeout"
STATEMENT = "statement_timeout"
LEAST_IDLE_SECONDS = 300.0
LEAST_BLOCKING_SECONDS = 10.0
_HOUR_MS = 3_600_000.0
_RUNAWAY_MS = 1_800_000.0
_USUAL = 0.02
"""Of its longest run: a statement that always takes so long is meant to."""


def find(facts: Facts) -> Iterator[Finding]:
    yield from _idle(facts)
    yield from _runaway(facts)


def _idle(facts: Facts) -> Iterator[Finding]:
    setting = facts.settings.get(IDLE)
    long = [
        each
        for each in facts.holders
        if each.seconds >= LEAST_IDLE_SECONDS or (each.blocked and each.seconds >= LEAST_BLOCKING_SECONDS)
    ]
    if setting is None or not facts.unlimited(IDLE):
        return
    long = [each for each in long if not _own(facts, IDLE, each.role, each.database)]
    if not long:
        return
    scope = _role_of([(each.role, each.database, each.seconds) for each in long], facts)
    # Each session that waits loses its own time.
    cost = sum(each.blocked_seconds for each in long) * 1000.0
    longest = max(each.seconds for each in long)
    yield advice(
        facts, setting, "10min", "idle transactions never end",
        f"{len(long)} sessions were idle in a transaction, for up to {longest / 60:,.1f} minutes, and nothing ends "
        "them",
        scope=scope,
        safe="From 1min to 1d: above the longest pause that an application means to make; what is not committed is "
             "lost when it ends",
        reasons=(
            Reason("idle_in_transaction", "An open transaction keeps its locks, and no dead row that it might see can "
                   "be removed"),
        ),
        impact=(
            Impact("idle_seconds", sum(each.seconds for each in long)),
            Impact("sessions_blocked", float(sum(each.blocked for each in long))),
        ),
        cost=min(cost, _HOUR_MS * max(1, sum(each.blocked for each in long))),
        evidence=tuple(
            f"A session of role {each.role} in {each.database} was idle in a transaction for {each.seconds:,.0f} s, "
            f"and {each.blocked} sessions waited for it"
            for each in long[:5]
        ),
    )  # fmt: skip


def _runaway(facts: Facts) -> Iterator[Finding]:
    setting = facts.settings.get(STATEMENT)
    if setting is None or not facts.unlimited(STATEMENT):
        return
    runaway = [
        each
        for each in facts.queries()
        if each.calls >= 10
        and each.max_ms >= _RUNAWAY_MS
        and each.per_call(each.exec_ms) < _USUAL * each.max_ms
        and not _own(facts, STATEMENT, each.role, each.database)
    ]
    if not runaway:
        return
    # A value for everybody would end backups and reports as well: it is always one role's.
    worst = max(runaway, key=lambda each: (each.max_ms, each.queryid))
    yield advice(
        facts, setting, f"{_minutes(facts, worst)}min", "runaway statements never end",
        f"A statement of role {worst.role} that takes {worst.per_call(worst.exec_ms):,.0f} ms ran for "
        f"{worst.max_ms / 60000:,.0f} minutes once, and nothing ends such a run",
        scope=Scope(role=worst.role),
        safe="Above the longest run that the role's work needs; a statement that meets it is cancelled",
        reasons=(Reason("runaway_statement", "The longest run took more than fifty times the average"),),
        impact=(Impact("ms_once", worst.max_ms),),
        cost=facts.statements_an_hour(worst.max_ms),
        evidence=(f"{worst.calls:,} calls, the longest {worst.max_ms:,.0f} ms",),
        queryids=(worst.queryid,),
    )  # fmt: skip


def _minutes(facts: Facts, worst: Statement) -> int:
    """Ten times the usual run of the role's slowest statement, five minutes at least."""
    usual = max(each.per_call(each.exec_ms) for each in facts.statements if each.role == worst.role)
    return max(5, round(10 * usual / 60000))


def _role_of(weights: list[tuple[str, str, float]], facts: Facts) -> Scope:
    others = [(each.role, each.database, 0.0) for each in facts.queries()]
    return concentrated([*weights, *others])


def _own(facts: Facts, name: str, role: str, database: str) -> bool:
    return any(own.name == name and own.role in ("", role) and own.database in ("", database) for own in facts.own)
