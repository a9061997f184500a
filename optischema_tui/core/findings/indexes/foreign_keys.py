"""Foreign keys without an index: each deleted parent looks through all children."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.indexes.bound import serves
from optischema_tui.core.findings.indexes.facts import Facts
from optischema_tui.core.findings.indexes.wording import finding, qualified, told
from optischema_tui.core.models import Finding, ForeignKey, Impact, IndexSpec, Reason, TableFacts

MISSING = "missing"
_US_PER_ROW = 0.05
"""Microseconds for one row of a sequential scan whose condition fails, by the clock with all pages in memory: a lower
bound, 10 to 20 million rows a second being what one core does."""
_US_PER_PAGE = 1.0
_PAGE = 8192


def find(facts: Facts) -> Iterator[Finding]:
    """One for each set of columns, whatever number of keys is on it."""
    for _, child in sorted(facts.tables.items()):
        seen: set[frozenset[str]] = set()
        for key in child.foreign_keys:
            columns = frozenset(key.columns)
            if columns not in seen and not child.partition_of and child.rows >= facts.thresholds.child_rows:
                seen.add(columns)
                yield from _missing(facts, child, key)


def _missing(facts: Facts, child: TableFacts, key: ForeignKey) -> Iterator[Finding]:
    wanted = frozenset(key.columns)
    here = (child.schema, child.name)
    if any(serves(facts, each, wanted) for each in facts.by_table.get(here, ())):
        return
    parents = [each for each in child.foreign_keys if frozenset(each.columns) == wanted]
    hourly = 0.0
    counted = 0
    for parent in parents:
        place = (parent.schema, parent.table)
        table, rate = facts.tables.get(place), facts.writes.get(place)
        hourly += rate.deletes if rate is not None else 0.0
        counted += table.deletes if table is not None else 0
    if not counted and not hourly:
        return  # No parent is ever deleted. Updates count only where they set its key, which counters do not tell.
    scan_ms = (child.rows * _US_PER_ROW + child.size_bytes / _PAGE * _US_PER_PAGE) / 1000.0
    cost = hourly * scan_ms
    columns = ", ".join(key.columns)
    spec = IndexSpec(child.schema, child.name, key.columns)
    yield finding(
        facts,
        "index.foreign_key",
        f"{qualified(here)} ({columns})",
        verdict=MISSING,
        title=f"The foreign key ({told(columns)}) of {told(child.name)} to {told(key.table)} has no index.",
        reasons=(
            Reason("parent_deletes", f"Each deleted row of {told(key.table)} looks through {child.rows:,.0f} rows."),
        ),
        impact=(
            Impact("rows_per_hour", hourly, "Deleted rows of the referenced tables, as their counters moved."),
            Impact("ms_per_hour", cost, f"{scan_ms:,.1f} ms for one look through the table, with its pages in memory."),
        ),
        cost=cost,
        evidence=(f"{counted:,} rows of the referenced tables were deleted since the statistics were reset.",),
        forward="" if facts.in_recovery or child.partitioned else _create(spec),
    )


def _create(spec: IndexSpec) -> str:
    name = f"{spec.table}_{'_'.join(spec.columns)}_idx"
    short = name.encode()[:63].decode("utf-8", "ignore")
    return spec.sql(short)
