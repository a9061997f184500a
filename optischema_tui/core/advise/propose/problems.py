"""What gets no index, and why."""

from __future__ import annotations

from optischema_tui.core.advise.propose.columns import column_of
from optischema_tui.core.advise.propose.draft import Draft
from optischema_tui.core.advise.propose.view import View, columns_of, key_distinct
from optischema_tui.core.models import TableFacts

MIN_ROWS = 1000
MIN_BYTES = 10 * 8192
"""A table below either is read whole as fast as through an index."""
MAX_KEY_BYTES = 600
"""Average width of a column that is still a sensible key; a B-tree entry may have 2,704 bytes at most."""
FEW_VALUES = 2
_SYSTEM = ("pg_catalog", "information_schema")


def table_problem(table: TableFacts) -> str:
    """Why no index is proposed on this table; empty when one may be."""
    if table.schema in _SYSTEM or table.schema.startswith(("pg_toast", "pg_temp")):
        return "it belongs to the system or to one session"
    if table.rows < 0:
        return "it was never analyzed: run ANALYZE on it first"
    if table.rows < MIN_ROWS or table.size_bytes < MIN_BYTES:
        return f"it is small ({table.rows:,.0f} rows): reading it whole is as fast"
    return ""


def key_problem(draft: Draft, table: TableFacts) -> str:
    """Why the keys cannot be an index's; empty when they can."""
    for key in draft.keys:
        if key.computed:
            continue
        column = column_of(table, key.text)
        if column is None:
            return f"{key.text} is not a column of the table"
        if draft.method != "btree":
            continue
        if not column.has_btree:
            return f"{key.text} has the type {column.type_name}, which a B-tree cannot order"
        if column.avg_width > MAX_KEY_BYTES:
            return f"{key.text} is {column.avg_width} bytes wide on average, too wide for a B-tree key"
    return ""


def selectivity_problem(draft: Draft, view: View) -> str:
    """Why an index on a single key would find too many rows at once; empty when it may not."""
    if len(draft.parts) > 1 or draft.predicate or draft.include or draft.method != "btree":
        return ""
    (key,) = draft.keys
    sorts = any(order[0].key == key for order in view.sorts)
    columns = columns_of(view.table, key)
    counted = bool(columns) and all(column.n_distinct > 0 for column in columns)
    values = key_distinct(view.table, key)
    if counted and not sorts and not key.computed and values <= FEW_VALUES:
        plural = "value" if values == 1 else "values"
        return f"{key.text} has only {values:.0f} different {plural}: each finds too many rows"
    return ""
