"""Which B-tree indexes could serve a use of a table, and in what column order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optischema_tui.core.advise.reading.uses import SortKeys, Use
from optischema_tui.core.models import ColumnFacts, IndexSpec, TableFacts

MAX_WIDTH = 4
"""Key columns; the fourth only behind columns that are all compared with `=`."""
MAX_TAIL = 3
"""Equality columns in front of a range column or a sort order."""
MAX_PER_USE = 24
MIN_ROWS = 1000
MIN_BYTES = 10 * 8192
"""A table below either is read whole as fast as through an index."""
MAX_KEY_BYTES = 600
"""Average width of a column that is still a sensible key; a B-tree entry may have 2,704 bytes at most."""


def candidates(use: Use) -> tuple[IndexSpec, ...]:
    """Plain B-tree candidates for one use, single columns first.

    Order of columns: those compared with `=` first, the one with most distinct values leading (ties by name), then
    one range column or the wanted sort order. Where several columns are compared with `=`, each also leads once,
    so that other statements can share the index.
    """
    table = use.table
    found: dict[IndexSpec, None] = {}
    for column in sorted(use.columns()):
        found[_spec(table, (column,))] = None
    for joined in ((), *use.joins.values()):
        for keys, descending in _wide(use, joined):
            if keys and all(_column(table, key) is not None for key in keys):
                found[_spec(table, keys, descending)] = None
    return tuple(found)[:MAX_PER_USE]


def table_problem(table: TableFacts) -> str:
    """Why no index is proposed on this table; empty when one may be."""
    if table.schema in ("pg_catalog", "information_schema") or table.schema.startswith(("pg_toast", "pg_temp")):
        return "it belongs to the system or to one session"
    if table.partitioned:
        return "it is partitioned: indexes on partitioned tables are not offered yet"
    if table.partition_of:
        return f"it is a partition of {table.partition_of}: indexes on partitioned tables are not offered yet"
    if table.rows < 0:
        return "it was never analyzed: run ANALYZE on it first"
    if table.rows < MIN_ROWS or table.size_bytes < MIN_BYTES:
        return f"it is small ({table.rows:,.0f} rows): reading it whole is as fast"
    return ""


def column_problem(spec: IndexSpec, table: TableFacts) -> str:
    """Why the columns of `spec` cannot be a B-tree's key; empty when they can."""
    for name in spec.columns:
        column = _column(table, name)
        if column is None:
            return f"{name} is not a column of the table"
        if not column.has_btree:
            return f"{name} has the type {column.type_name}, which a B-tree cannot order"
        if column.avg_width > MAX_KEY_BYTES:
            return f"{name} is {column.avg_width} bytes wide on average, too wide for a B-tree key"
    return ""


def distinct(column: ColumnFacts, rows: float) -> float:
    """The number of distinct values that the statistics tell; 0 unknown."""
    return column.n_distinct if column.n_distinct >= 0 else -column.n_distinct * max(rows, 0.0)


def by_selectivity(table: TableFacts, names: Sequence[str]) -> tuple[str, ...]:
    """Column names, most distinct values first, ties by name, without repeats."""
    known = {column.name: distinct(column, table.rows) for column in table.columns}
    return tuple(sorted(set(names), key=lambda name: (-known.get(name, 0.0), name)))


def _wide(use: Use, joined: Sequence[str]) -> Iterator[tuple[tuple[str, ...], tuple[bool, ...]]]:
    """(columns, directions) of the candidates with equality on `joined` besides the use's own columns."""
    pure = by_selectivity(use.table, [*use.equal, *joined])
    equal = by_selectivity(use.table, [*pure, *use.any_of])
    for order in use.orders:
        yield _with_order(pure[:MAX_TAIL], order)
    for column in use.ranges:
        if column not in equal:
            yield (*equal[:MAX_TAIL], column), ()
    if len(equal) > 1:
        for leader in equal:
            yield (leader, *(name for name in equal if name != leader))[:MAX_WIDTH], ()
        for size in range(2, min(len(equal), MAX_WIDTH)):
            yield equal[:size], ()


def _with_order(equal: tuple[str, ...], order: SortKeys) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """Equality columns, then the sort order. One direction throughout needs no DESC: an index is read both ways."""
    tail = [(column, descending) for column, descending in order if column not in equal]
    tail = tail[: MAX_WIDTH - len(equal)]
    keys = (*equal, *(column for column, _ in tail))
    if len({descending for _, descending in tail}) < 2:
        return keys, ()
    return keys, (*(False for _ in equal), *(descending for _, descending in tail))


def _spec(table: TableFacts, columns: tuple[str, ...], descending: tuple[bool, ...] = ()) -> IndexSpec:
    return IndexSpec(table.schema, table.name, columns, descending)


def _column(table: TableFacts, name: str) -> ColumnFacts | None:
    return next((column for column in table.columns if column.name == name), None)
