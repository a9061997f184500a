"""How high the target's B-trees are: its planner knows, and says so in the startup cost of an index scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.lab.image import BLOCK_SIZE, Index, Relation
from optischema_tui.core.lab.size_model import Fields, fields_width
from optischema_tui.core.lab.sparse import btree_height
from optischema_tui.core.models import quote
from optischema_tui.core.target.sql import MARK
from optischema_tui.core.workload.plan import parse_plan

if TYPE_CHECKING:
    from psycopg import Connection

SESSION = {"enable_seqscan": "off", "enable_sort": "off", "enable_bitmapscan": "off"}
"""Makes the planner read a table in the order of an index."""
_PAGES_PER_LEVEL = 50.0
"""The planner charges this many operators for each level it descends, and one for each halving of the entries."""
_FILLS = (0.5, 1.0)
"""How full inner pages can be; between them the height follows from the number of pages alone, or it does not."""


def ask_heights(
    connection: Connection[Any],
    relations: Mapping[int, Relation],
    indexes: Iterable[Index],
    fields: Fields,
    operator_cost: float,
) -> dict[int, Index]:
    """`indexes` by OID, with `height` where the size leaves it open and the target's planner tells it.

    Plans `SELECT 1 FROM t ORDER BY key` on the target, for which a role needs SELECT on the table; executes nothing.
    """
    known = {index.oid: index for index in indexes}
    for index in list(known.values()):
        if not _open(relations, index, fields) or operator_cost <= 0 or known[index.oid].height is not None:
            continue
        told = _ask(connection, relations[index.relation], index, operator_cost)
        if told is not None and told[0] == relations[index.oid].name:
            known[index.oid] = replace(index, height=told[1])
    return known


def _open(relations: Mapping[int, Relation], index: Index, fields: Fields) -> bool:
    """Is this an index whose height its size does not tell?"""
    table = relations[index.relation]
    if index.method != "btree" or not index.valid or index.expressions or index.predicate or table.kind not in "rm":
        return False
    pages = relations[index.oid].size_bytes // BLOCK_SIZE
    width = fields_width(fields.of(table.schema, table.name, index.columns[: index.keys]))
    return len({btree_height(pages, width, fill) for fill in _FILLS}) > 1


def _ask(connection: Connection[Any], table: Relation, index: Index, operator_cost: float) -> tuple[str, int] | None:
    """Name and height of the index by which the target's planner reads the table in this index's order."""
    from psycopg import Error

    keys = zip(index.columns[: index.keys], index.options[: index.keys], strict=True)
    order = ", ".join(
        f"{quote(name)} {'DESC' if option & 1 else 'ASC'} NULLS {'FIRST' if option & 2 else 'LAST'}"
        for name, option in keys
    )
    sql = f"EXPLAIN (FORMAT JSON) {MARK} SELECT 1 FROM ONLY {quote(table.schema)}.{quote(table.name)} ORDER BY {order}"
    try:
        row = connection.execute(sql.encode()).fetchone()
    except Error:
        if connection.closed or not connection.autocommit:
            raise
        return None  # no SELECT on this table, or it is locked: the height is then estimated from the size
    plan = parse_plan(row[0]) if row else None
    node = next((node for node in plan.walk() if node.index_name), None) if plan else None
    if node is None:
        return None
    return node.index_name, int(node.startup_cost / (_PAGES_PER_LEVEL * operator_cost)) - 1
