"""Which plans rest on values that the lab does not know."""

from __future__ import annotations

from collections.abc import Iterable

from optischema_tui.core.models import CatalogFacts, TableFacts
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.workload.lexer import identifier, significant
from optischema_tui.core.workload.plan import PlanNode

_RANGES = frozenset("<>")


def doubts(plan: PlanNode, facts: CatalogFacts) -> tuple[str, ...]:
    """Why the estimates of `plan` are guesses, a sentence for each column: it compares a range of an indexed column
    whose table has changed since ANALYZE, and whose smallest and largest values could not be read. Empty: they are not.
    """
    found: set[tuple[str, str, str]] = set()
    for node in plan.walk():
        table = facts.tables.get((node.schema, node.relation))
        if table is not None:
            for name in _ranged(node, table):
                found.add((table.schema, table.name, name))
    return tuple(
        f"The newest values of {one_line(schema)}.{one_line(table)}.{one_line(column)} are not known here and have"
        " changed since ANALYZE: the estimate of a range of it is a guess."
        for schema, table, column in sorted(found)
    )


def _ranged(node: PlanNode, table: TableFacts) -> Iterable[str]:
    """Columns with unknown ends that stand in a condition of the node beside < or >."""
    unknown = {column.name for column in table.columns if column.unknown_ends}
    if not unknown:
        return ()
    texts = [text for label, text in _conditions(node) if label in ("Index Cond", "Recheck Cond", "Filter")]
    tokens = [token for text in texts for token in significant(text)]
    if not any(token.text in _RANGES for token in tokens):
        return ()
    return unknown & {identifier(token) for token in tokens if token.kind in ("word", "quoted")}


def _conditions(node: PlanNode) -> Iterable[tuple[str, str]]:
    yield from node.conditions
    for child in node.children:
        if child.node_type in ("Bitmap Index Scan", "BitmapAnd", "BitmapOr"):
            yield from _conditions(child)
