"""Queries that fetch everything there is, and queries that read what they skip."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.workload.facts import Facts, of_statement
from optischema_tui.core.findings.workload.shape import has_limit, has_offset, is_query
from optischema_tui.core.models import Finding, Impact, Reason

UNBOUNDED = "workload.unbounded_result"
OFFSET = "workload.offset"
LEAST_ROWS = 10_000
LEAST_CALLS = 10
_LEAST_PER_HOUR = 1.0
"""A report each night is meant to fetch everything."""
_SKIPPED_BLOCKS = 1000.0
_SKIPPED_MS = 10.0


def find(facts: Facts) -> Iterator[Finding]:
    for statement in facts.statements:
        often = statement.calls >= LEAST_CALLS and facts.per_hour(statement.calls) >= _LEAST_PER_HOUR
        many = statement.rows_per_call >= LEAST_ROWS
        slow = statement.mean_ms >= _SKIPPED_MS and statement.blocks_per_call >= _SKIPPED_BLOCKS
        if not often or not (many or slow) or not is_query(statement.text):
            continue
        if many and not has_limit(statement.text):
            yield of_statement(
                facts, UNBOUNDED, statement, "unbounded result",
                f"Statement {statement.queryid} returns {statement.rows_per_call:,.0f} rows a call and has no LIMIT",
                Reason("no_limit", f"{facts.per_hour(statement.rows):,.0f} rows an hour go to the application, and "
                       "grow with the table"),
                Reason("what_to_do", "Fetch pages by key (WHERE key > last ORDER BY key LIMIT n), let the server "
                       "aggregate, or read through a cursor"),
                impact=(Impact("rows_per_call", statement.rows_per_call),
                        Impact("rows_per_hour", facts.per_hour(statement.rows))),
            )  # fmt: skip
        if slow and statement.rows_per_call * 10 <= statement.blocks_per_call and has_offset(statement.text):
            yield of_statement(
                facts, OFFSET, statement, "reads what it skips",
                f"Statement {statement.queryid} pages by OFFSET: a call reads {statement.blocks_per_call:,.0f} blocks "
                f"for {statement.rows_per_call:,.1f} rows",
                Reason("offset", "Every row before the OFFSET is found, sorted and thrown away again at each call"),
                Reason("what_to_do", "Page by key: WHERE (key) > (last of the page before) ORDER BY key LIMIT n"),
                impact=(Impact("blocks_per_call", statement.blocks_per_call),),
            )  # fmt: skip
