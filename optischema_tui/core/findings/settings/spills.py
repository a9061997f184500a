"""Sorts and hashes that went to temporary files for want of work_mem."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, Statement, heaviest
from optischema_tui.core.findings.settings.saying import GB, MB, SYSTEM, advice, concentrated, doubled, written
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.sizes import size

NAME = "work_mem"
LEAST_BYTES = 64 * MB
LEAST_CALLS = 5
_IN_MEMORY = 2.0
"""A sort needs more memory than its file: rows stand in it with their headers, files are packed."""
_MOST = {True: 256 * MB, False: GB}
"""For the whole server, and for one role or database: every sort and hash of every session may take so much."""
_BLOCK_MS = 0.02
"""Of a temporary block written and read again, where nobody measures it."""


def find(facts: Facts) -> Iterator[Finding]:
    setting = facts.settings.get(NAME)
    spilling = [each for each in facts.queries() if each.temp_blks > 0 and each.calls]
    spilt = sum(each.temp_blks for each in spilling) * facts.block_size
    if setting is None or spilt < LEAST_BYTES or sum(each.calls for each in spilling) < LEAST_CALLS:
        return
    scope = concentrated((each.role, each.database, each.temp_blks) for each in facts.queries())
    here = [each for each in spilling if each.role == scope.role or each.database == scope.database or scope == SYSTEM]
    most = _MOST[scope == SYSTEM]
    helped = [each for each in here if _needed(facts, each) <= most]
    saved = sum(each.temp_blks for each in helped) * facts.block_size
    now = _now(facts, helped)
    wanted = max((_needed(facts, each) for each in helped), default=0.0)
    # What needs more than is safe stays on disk, whatever is set; a value for a tenth of it would do harm for nothing.
    if saved < max(LEAST_BYTES, spilt / 2) or wanted <= now:
        return
    value = doubled(wanted, most)
    cost, how = _cost(facts, helped)
    yield advice(
        facts, setting, written(value), "spills to disk",
        f"{len(helped)} statements of {scope.text} wrote {size(saved)} of temporary files because work_mem is "
        f"{size(now)}",
        scope=scope,
        safe=f"From {written(now)} to {written(most)}: every sort and hash of each of "
             f"{facts.most_connections or 'all'} sessions may take so much at once; this value holds {size(wanted)}",
        reasons=(Reason("temp_spill", f"{saved / spilt:.0%} of all that was spilt fits into {written(value)}"),),
        impact=(
            Impact("bytes_per_hour", facts.statements_an_hour(saved), "Temporary files written"),
            Impact("temp_ms_per_hour", cost, how),
        ),
        cost=cost,
        evidence=(
            f"{size(saved)} of temporary files in {facts.statement_hours:.1f} hours, "
            f"{sum(each.calls for each in helped):,} calls",
        ),
        queryids=heaviest(helped),
    )  # fmt: skip


def _needed(facts: Facts, statement: Statement) -> float:
    """Bytes that would keep it in memory, as far as the size of its files tells."""
    return statement.per_call(statement.temp_blks) * facts.block_size * _IN_MEMORY


def _now(facts: Facts, statements: list[Statement]) -> float:
    """Bytes in force for the first of them: a value of a role wins over one of a database."""
    server = facts.number(NAME, 4.0 * MB)
    if not statements:
        return server
    one = statements[0]
    for database, role in ((one.database, one.role), ("", one.role), (one.database, "")):
        own = facts.said(NAME, database, role)
        if own is not None:
            return facts.read(NAME, own, server)
    return server


def _cost(facts: Facts, statements: list[Statement]) -> tuple[float, str]:
    measured = sum(each.temp_ms for each in statements)
    if measured > 0:
        return facts.statements_an_hour(measured), "Measured: time of reading and writing temporary files"
    blocks = sum(each.temp_blks for each in statements)
    return facts.statements_an_hour(blocks * _BLOCK_MS), f"{_BLOCK_MS} ms for each temporary block: it is not measured"
