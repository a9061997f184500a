"""What an index may cost its table, as a level with reasons."""

from __future__ import annotations

from collections.abc import Iterable

from optischema_tui.core.advise.judge.upkeep import hot_loss
from optischema_tui.core.advise.judge.writes import RowUpdate, TableWrites, targets
from optischema_tui.core.models import IndexSpec, Risk, TableFacts

GIB = 1 << 30
MEDIUM_TABLE_BYTES = 1 * GIB
HIGH_TABLE_BYTES = 50 * GIB
MEDIUM_INDEXES = 8
HIGH_INDEXES = 15
WRITES_PER_READ = 10.0
"""Rows written, beyond those that the table holds (they may have come in one load), for each call that reads it."""
LARGE_SHARE = 0.5
"""An index larger than this share of its table."""


def assess(
    spec: IndexSpec,
    table: TableFacts,
    size_bytes: int,
    calls: int,
    texts: Iterable[str],
    writes: TableWrites | None = None,
) -> tuple[Risk, tuple[str, ...]]:
    """The level and at least one reason. `calls`: of the statements that read the table; `texts`: of the workload;
    `writes`: of the table in the workload, where they were counted."""
    found: list[tuple[Risk, str]] = []
    if table.partitioned:
        how = "it is built partition by partition, by hand; taking it away again blocks the table for a moment"
        found.append((Risk.MEDIUM, how))
    if table.size_bytes >= MEDIUM_TABLE_BYTES:
        level = Risk.HIGH if table.size_bytes >= HIGH_TABLE_BYTES else Risk.MEDIUM
        found.append((level, f"the build reads the whole table twice: {_gib(table.size_bytes)} GiB"))
    others = len(table.indexes)
    if others >= MEDIUM_INDEXES:
        level = Risk.HIGH if others >= HIGH_INDEXES else Risk.MEDIUM
        found.append((level, f"the table has {others} indexes already, and each write pays for all of them"))
    churn = max(0.0, table.writes - max(0.0, table.rows))
    if churn > WRITES_PER_READ * max(1, calls):
        per_call = churn / max(1, calls)
        found.append((Risk.MEDIUM, f"the table is mostly written: {per_call:,.0f} rows for each call that reads it"))
    if table.size_bytes and size_bytes > LARGE_SHARE * table.size_bytes:
        found.append((Risk.MEDIUM, f"the index would take {size_bytes / table.size_bytes:.0%} of its table's size"))
    newly, rows = _newly_held(spec, table, texts, writes)
    if newly:
        what = ", ".join(newly)
        many = f" ({rows:,.0f} in the measured time)" if rows else ""
        found.append(
            (Risk.MEDIUM, f"statements update {what}, which no index holds yet: HOT updates would be lost{many}")
        )
    if not found:
        plural = "index" if others == 1 else "indexes"
        reason = f"the table has {table.rows:,.0f} rows and {others} {plural}, and is not mostly written"
        return Risk.LOW, (reason, "CREATE INDEX CONCURRENTLY lets reads and writes go on; DROP INDEX undoes it")
    level = Risk.HIGH if any(each is Risk.HIGH for each, _ in found) else Risk.MEDIUM
    return level, tuple(reason for _, reason in found)


def _newly_held(
    spec: IndexSpec, table: TableFacts, texts: Iterable[str], writes: TableWrites | None
) -> tuple[list[str], float]:
    """Columns whose updates are HOT today and would not be, in the table's order, and rows of such updates if known."""
    known = writes
    if known is None:
        known = TableWrites(updates=tuple(RowUpdate(updated_columns(text, table.name), 0.0) for text in texts))
    columns, rows = hot_loss(spec, table, known)
    return [name for name in dict.fromkeys((*spec.columns, *sorted(columns))) if name in columns], rows


def updated_columns(text: str, table: str) -> frozenset[str]:
    """Columns that `UPDATE table SET ..` assigns; empty for any other statement. Lexical."""
    found = [target.columns for target in targets(text) if target.verb == "update" and target.table == table]
    return frozenset[str]().union(*found)


def _gib(size: int) -> str:
    return f"{size / GIB:,.1f}"
