"""A table's columns by name, and what the statistics tell of them."""

from __future__ import annotations

from optischema_tui.core.models import ColumnFacts, TableFacts


def column_of(table: TableFacts, name: str) -> ColumnFacts | None:
    return next((column for column in table.columns if column.name == name), None)


def distinct(column: ColumnFacts, rows: float) -> float:
    """The number of distinct values that the statistics tell; 0 unknown."""
    return column.n_distinct if column.n_distinct >= 0 else -column.n_distinct * max(rows, 0.0)
