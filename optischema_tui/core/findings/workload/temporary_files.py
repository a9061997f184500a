"""Statements whose sorts and hashes do not fit into work_mem and go through temporary files."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.workload.facts import Facts, of_statement
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "workload.temp_files"
BLOCK = 8192
LEAST_CALLS = 5
LEAST_BYTES_PER_HOUR = 100 * 1024 * 1024
_LEAST_BLOCKS = 128.0
"""A call, read and written: 1 MB."""
_BLOCK_MS = 0.01
"""Of a block written to or read from the operating system's cache."""


def find(facts: Facts) -> Iterator[Finding]:
    for statement in facts.statements:
        if statement.calls < LEAST_CALLS:
            continue
        each = statement.temp_blks / statement.calls
        hourly = facts.per_hour(statement.temp_blks)
        if each < _LEAST_BLOCKS or hourly * BLOCK < LEAST_BYTES_PER_HOUR:
            continue
        cost = min(hourly * _BLOCK_MS, facts.per_hour(statement.exec_time))
        yield of_statement(
            facts, RULE, statement, "spills to disk",
            f"Statement {statement.queryid} reads and writes {each * BLOCK / 1e6:,.1f} MB of temporary files a call",
            Reason("temp_files", f"{hourly * BLOCK / 1e6:,.0f} MB an hour: a sort, a hash or a materialised part is "
                   "larger than work_mem"),
            Reason("what_to_do", "An index in the order of the sort, fewer or narrower rows, or more work_mem for the "
                   "role that runs it"),
            impact=(Impact("temp_blocks_per_call", each), Impact("bytes_per_hour", hourly * BLOCK)),
            cost=cost,
            evidence=(f"The cost takes {_BLOCK_MS} ms a block, and never more than its execution time",),
        )  # fmt: skip
