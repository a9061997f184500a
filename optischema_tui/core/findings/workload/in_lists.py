"""Huge IN lists, and the variants of one statement that lists of many lengths make."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.workload.facts import Facts, Seen, of_statement
from optischema_tui.core.findings.workload.shape import longest_list, without_lists
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "workload.in_list"
LEAST_MEMBERS = 100
LEAST_VARIANTS = 10
LEAST_CALLS = 10
_MOST_NAMED = 20


def find(facts: Facts) -> Iterator[Finding]:
    groups: dict[str, list[tuple[Seen, int]]] = {}
    for statement in facts.statements:
        members = longest_list(statement.text) if statement.text else 0
        if members > 1:
            groups.setdefault(without_lists(statement.text), []).append((statement, members))
    for group in groups.values():
        longest = max(members for _, members in group)
        calls = sum(statement.calls for statement, _ in group)
        if calls >= LEAST_CALLS and (longest >= LEAST_MEMBERS or len(group) >= LEAST_VARIANTS):
            yield _told(facts, sorted(group, key=lambda each: (-each[0].exec_time, each[0].queryid)), longest, calls)


def _told(facts: Facts, group: list[tuple[Seen, int]], longest: int, calls: int) -> Finding:
    heaviest = group[0][0]
    several = f", in {len(group)} variants of different length" if len(group) > 1 else ""
    return of_statement(
        facts, RULE, heaviest, "long IN list",
        f"Statement {heaviest.queryid} has an IN list of up to {longest} values{several}",
        Reason("long_list" if longest >= LEAST_MEMBERS else "many_variants",
               "Each length is a statement of its own to the server: parsed and planned anew, and an entry of "
               "pg_stat_statements that pushes others out"),
        Reason("what_to_do", "Pass the values as one array, = ANY($1), or join a VALUES list or a temporary table"),
        impact=(Impact("members", float(longest)), Impact("variants", float(len(group)))),
        cost=facts.per_hour(sum(statement.exec_time for statement, _ in group)),
        evidence=(f"{calls:,} calls of {len(group)} statements in {facts.hours:.1f} hours",),
        queryids=tuple(statement.queryid for statement, _ in group[:_MOST_NAMED]),
    )  # fmt: skip
