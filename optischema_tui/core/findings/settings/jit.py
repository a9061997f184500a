"""Statements that are compiled for longer than they run."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, heaviest
from optischema_tui.core.findings.settings.saying import advice, concentrated
from optischema_tui.core.models import Finding, Impact, Reason

LEAST_MS = 1000.0
_SHARE = 0.25
_SHORT_MS = 1000.0
"""A statement that takes longer without JIT may gain by it."""


def find(facts: Facts) -> Iterator[Finding]:
    """Only from 15 on the server counts the time of JIT."""
    setting = facts.settings.get("jit")
    queries = facts.queries()
    short = [
        each
        for each in queries
        if each.jit_ms > _SHARE * each.exec_ms and each.per_call(each.exec_ms - each.jit_ms) < _SHORT_MS
    ]
    lost = sum(each.jit_ms for each in short)
    compiled = sum(each.jit_ms for each in queries)
    if setting is None or not facts.is_on("jit") or lost < LEAST_MS or lost < compiled / 2:
        return
    scope = concentrated((each.role, each.database, each.jit_ms) for each in queries)
    cost = facts.statements_an_hour(lost)
    spent = sum(each.exec_ms for each in short)
    yield advice(
        facts, setting, "off", "compiled for longer than it helps",
        f"{lost / spent:.0%} of the time of {len(short)} short statements went into compiling them",
        scope=scope,
        safe="off, or jit_above_cost above the cost of the short statements: long reports, which JIT may make "
             "faster, then keep it",
        reasons=(Reason("jit_on_short_statements", "JIT is begun for an estimated cost, not for a measured time"),),
        impact=(Impact("jit_ms_per_hour", cost, "Measured: generation, inlining, optimization and emission"),),
        cost=cost,
        evidence=(
            f"{lost:,.0f} ms of JIT in {spent:,.0f} ms of {sum(each.calls for each in short):,} calls, "
            f"{facts.statement_hours:.1f} hours",
        ),
        queryids=heaviest(short),
    )  # fmt: skip
