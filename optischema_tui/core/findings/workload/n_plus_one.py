"""A query, and then one more for each of its rows: the pattern that object mappers make of a list."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.workload.facts import Facts, Seen, of_statement
from optischema_tui.core.findings.workload.shape import is_lookup, is_query
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "workload.n_plus_one"
LEAST_CALLS = 1000
LEAST_PER_SECOND = 1.0
MOST_ROWS = 20.0
"""A call of the many: one row, or the few that belong to one row of the list."""
LEAST_PARENT_ROWS = 3.0
"""Rows a call of the list: fewer, and there is little to be saved."""
_ONE_ROLE = 0.9
_LEAST_INTERVALS = 5
_ALIKE = 0.15
"""How far the calls of one interval may be from the rows of the list in it: some calls fall into the next interval."""
_MOST_ODD = 0.2
"""Share of the intervals that may be further away."""
_TRIP_MS = 0.2
"""Of a round trip inside one data centre, beside what the server measures."""


def is_child(facts: Facts, statement: Seen) -> bool:
    """Whether it looks like the many: fetched by key, few rows, often, by one role."""
    seconds = facts.hours * 3600
    return (
        statement.calls >= LEAST_CALLS
        and seconds > 0
        and statement.calls / seconds >= LEAST_PER_SECOND
        and statement.rows_per_call <= MOST_ROWS
        and statement.main_role()[1] >= _ONE_ROLE
        and is_lookup(statement.text)
    )


def is_parent(child: Seen, statement: Seen) -> bool:
    """Whether it may be the one, by its sums: as many rows as the other has calls, and the same role."""
    return (
        statement.queryid != child.queryid
        and statement.rows_per_call >= LEAST_PARENT_ROWS
        and abs(statement.rows / child.calls - 1) <= _ALIKE
        and statement.main_role()[0] == child.main_role()[0]
        and is_query(statement.text)
    )


def follow(parent: Seen, child: Seen) -> tuple[int, int]:
    """(intervals in which the child's calls are as many as the parent's rows, intervals compared)."""
    rows = {interval.at: interval.rows for interval in parent.intervals}
    calls = {interval.at: interval.calls for interval in child.intervals}
    both = rows.keys() | calls.keys()
    alike = sum(
        abs(calls.get(at, 0) - rows.get(at, 0)) <= _ALIKE * max(calls.get(at, 0), rows.get(at, 0)) for at in both
    )
    return alike, len(both)


def find(facts: Facts) -> Iterator[Finding]:
    """Many calls alone are no fault: only a child whose calls follow a list's rows, interval by interval, is told."""
    for child in facts.statements:
        if not is_child(facts, child):
            continue
        found: list[tuple[float, Seen, int, int]] = []
        for parent in facts.statements:
            if is_parent(child, parent):
                alike, compared = follow(parent, child)
                if compared >= _LEAST_INTERVALS and alike >= (1 - _MOST_ODD) * compared:
                    found.append((-alike / compared, parent, alike, compared))
        if found:
            _, parent, alike, compared = min(found, key=lambda each: (each[0], -each[1].exec_time, each[1].queryid))
            yield _told(facts, child, parent, alike, compared)


def _told(facts: Facts, child: Seen, parent: Seen, alike: int, compared: int) -> Finding:
    rate = child.calls / (facts.hours * 3600)
    role = child.main_role()[0] or "one role"
    trips = facts.per_hour(child.calls - parent.calls)
    cost = facts.per_hour(child.exec_time)
    return of_statement(
        facts, RULE, child, "N+1 pattern",
        f"Statement {child.queryid} runs {rate:,.1f} times a second, once for each row of statement {parent.queryid}",
        Reason("one_for_each_row", f"In {alike} of {compared} intervals its calls were as many as the rows of the "
               f"list, {parent.rows_per_call:,.1f} rows a call"),
        Reason("what_to_do", "Fetch them with the list: a join, or one query with = ANY($1); object mappers call it "
               "eager or batch loading"),
        impact=(
            Impact("calls_per_second", rate),
            Impact("round_trips_per_hour", trips, "Calls that one query a list would spare"),
            Impact("waiting_ms_per_hour", trips * _TRIP_MS, f"Of the application, at {_TRIP_MS} ms a round trip"),
        ),
        cost=cost,
        evidence=(
            f"{child.calls:,} calls by role {role} against {parent.rows:,} rows of {parent.calls:,} calls of the list",
        ),
        queryids=(child.queryid, parent.queryid),
    )  # fmt: skip
