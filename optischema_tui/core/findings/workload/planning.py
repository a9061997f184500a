"""Statements that take longer to plan than to run, at every call."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.workload.facts import Facts, of_statement
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "workload.planning_time"
LEAST_CALLS = 100
LEAST_MS_PER_HOUR = 3600.0
"""A thousandth of one session's time."""


def find(facts: Facts) -> Iterator[Finding]:
    for statement in facts.statements:
        plan = statement.plan_ms
        if plan is None or statement.calls < LEAST_CALLS or plan <= statement.mean_ms:
            continue
        cost = facts.per_hour(statement.calls) * plan
        if cost >= LEAST_MS_PER_HOUR:
            yield of_statement(
                facts, RULE, statement, "planning dominates",
                f"Statement {statement.queryid} is planned for {plan:.3g} ms and runs for {statement.mean_ms:.3g} ms",
                Reason("planned_each_time", f"Planning takes {plan / (plan + statement.mean_ms):.0%} of a call, for "
                       "each call is planned anew"),
                Reason("what_to_do", "Prepare it once a session (the driver's prepared statements, or a pooler that "
                       "keeps them); many partitions or many indexes make planning long"),
                cost=cost,
                impact=(Impact("plan_ms_per_call", plan),),
                evidence=("Planning by pg_stat_statements.track_planning, over the statement's life",),
            )  # fmt: skip
