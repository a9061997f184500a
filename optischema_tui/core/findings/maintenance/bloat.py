"""Tables much larger than their rows need, by an estimate from the planner's statistics."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.maintenance.facts import Facts, Table
from optischema_tui.core.findings.maintenance.pace import growth
from optischema_tui.core.findings.maintenance.saying import finding
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "table.bloat"
LEAST_BYTES = 64 * 1024 * 1024
LEAST_SHARE = 0.4
_PAGE_HEADER = 24
_ITEM = 4
_ROW_HEADER = 23
_ALIGN = 8
_PAGE_MS = 0.01
"""A page found in the operating system's cache."""


def needed_pages(table: Table, block_size: int) -> float | None:
    """Pages that the live rows would fill after a rewrite: header of 23 bytes and a bitmap for nulls, values, 8-byte
    alignment and a line pointer a row (PostgreSQL's documentation, database page layout). None: not known."""
    if table.row_width is None or table.rows <= 0 or table.kind == "p":
        return None
    nulls = (table.columns + 7) // 8 if table.most_null > 0 else 0
    header = _aligned(_ROW_HEADER + nulls)
    row = header + _aligned(table.row_width) + _ITEM
    try:
        fill = float(table.options.get("fillfactor", "100")) / 100
    except ValueError:
        fill = 1.0
    each_page = max(1.0, ((block_size - _PAGE_HEADER) * fill) // row)
    return table.rows / each_page


def find(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables:
        needed = needed_pages(table, facts.block_size)
        if needed is None or table.pages <= 0:
            continue
        wasted = table.pages - needed
        if wasted * facts.block_size >= LEAST_BYTES and wasted / table.pages >= LEAST_SHARE:
            yield _told(facts, table, needed, wasted)


def _aligned(width: float) -> float:
    return -(-width // _ALIGN) * _ALIGN


def _told(facts: Facts, table: Table, needed: float, wasted: float) -> Finding:
    scans, seconds = growth(facts.past.get(table.relid, ()), lambda each: each.seq_scans)
    rate = scans / seconds * 3600 if seconds else 0.0
    cost = rate * wasted * _PAGE_MS
    megabytes = wasted * facts.block_size / 1_000_000
    return finding(
        facts, RULE, table.sql, "bloated (estimate)",
        f"{table.sql} takes {table.pages:,} pages where its rows need about {needed:,.0f}: "
        f"{megabytes:,.0f} MB are empty",
        reasons=(
            Reason("estimate", "From the rows and the average widths of its columns; pgstattuple would measure it"),
            Reason("what_to_do", "New rows use the space again. To give it back, pg_repack or pg_squeeze rewrite the "
                   "table while it stays in use; VACUUM FULL stops every reader"),
        ),
        impact=(
            Impact("bytes", wasted * facts.block_size, "Pages beyond those that the rows need"),
            Impact("ms_per_hour", cost, f"{rate:.1f} scans of the whole table an hour, at {_PAGE_MS} ms a page"),
        ),
        cost=cost,
        evidence=(
            f"{table.rows:,.0f} rows of {table.row_width:.0f} bytes on {table.pages:,} pages of {facts.block_size}",
        ),
    )  # fmt: skip
