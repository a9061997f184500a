"""Plans of 18 that an older server cannot make: a B-tree entered without a condition on its first column.

Version 18 jumps from one value of the first column to the next (skip scan, nbtree). Before, such an index was read as a
whole, and the lab's planner has no switch that takes the ability away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.lab.facts import present_rows
from optischema_tui.core.lab.image import BLOCK_SIZE, Image
from optischema_tui.core.target.scan import Token, scan
from optischema_tui.core.workload.plan import PlanNode

SINCE = 180000
MOST_ROUNDS = 4
Plan = Callable[[Collection[WhatIf], Collection[IndexName]], PlanNode]

_COUNTED = frozenset(
    (
        "ModifyTable", "Aggregate", "Group", "Sort", "Incremental Sort", "Hash", "Hash Join", "Merge Join", "Result",
        "Append", "Merge Append", "Unique", "Subquery Scan", "WindowAgg", "LockRows", "Bitmap Heap Scan", "BitmapAnd",
        "BitmapOr", "ProjectSet", "SetOp", "CTE Scan", "Materialize", "Nested Loop", "Limit",
    )
)  # fmt: skip
"""Nodes of which one can tell how often, or how far, they read their inputs."""


@dataclass(frozen=True, slots=True)
class _Skipped:
    """An index scan that 18 alone can do as planned."""

    node: PlanNode
    schema: str
    index: str
    counted: bool
    """How often it is executed can be told."""


class SkipScans:
    """Turns the lab's plans into ones that a server of the image's version can make."""

    def __init__(self, image: Image) -> None:
        self.older = image.server.version_num < SINCE
        settings = dict(image.server.settings)
        self._page = float(settings.get("random_page_cost", 4.0))
        self._entry = float(settings.get("cpu_index_tuple_cost", 0.005))
        self._operator = float(settings.get("cpu_operator_cost", 0.0025))
        self._row = float(settings.get("cpu_tuple_cost", 0.01))
        self._keys: dict[IndexName, str] = {}
        self._sizes: dict[IndexName, tuple[float, float]] = {}
        """Pages and entries."""
        for index in image.indexes.values():
            relation = image.relations[index.oid]
            if index.method == "btree" and relation.kind == "i" and index.keys > 1:
                name = (relation.schema, relation.name)
                self._keys[name] = index.columns[0]
                self._sizes[name] = (relation.size_bytes / BLOCK_SIZE, max(0.0, present_rows(relation)))
        self._rows = {(r.schema, r.name): max(0.0, present_rows(r)) for r in image.relations.values() if r.kind in "rm"}

    def plan(self, indexes: Collection[WhatIf], without: Collection[IndexName], plan: Plan) -> PlanNode:
        """The cheaper of two plans that an older server can make: one that reads skipped indexes as a whole, and one
        without them. The costs of the first are raised accordingly; where one cannot tell by how much, it is left out.
        """
        found = plan(indexes, without)
        if not self.older:
            return found
        best: PlanNode | None = None
        for _ in range(MOST_ROUNDS):
            skipped = list(self._skipped(found, indexes))
            if not skipped:
                return found if best is None or found.total_cost <= best.total_cost else best
            whole = self._whole(found, skipped, indexes) if all(each.counted for each in skipped) else None
            if whole is not None and (best is None or whole.total_cost < best.total_cost):
                best = whole
            names = {each.index for each in skipped}
            kept = [each for each in indexes if each.name not in names]
            hidden = {(each.schema, each.index) for each in skipped} - {
                (each.spec.schema, each.name) for each in indexes
            }
            indexes, without = kept, {*without, *hidden}
            found = plan(indexes, without)
        return found if best is None or found.total_cost <= best.total_cost else best

    def _skipped(self, plan: PlanNode, indexes: Collection[WhatIf]) -> Iterator[_Skipped]:
        keys = self._keys | {(each.spec.schema, each.name): each.spec.columns[0] for each in _multiple(indexes)}
        for node, above, counted in _walk(plan, None, True):
            condition = node.condition("Index Cond")
            table = node if node.relation else above
            if not condition or table is None:
                continue
            name = (table.schema, node.index_name)
            if name in keys and not _mentions(condition, keys[name], table.alias):
                yield _Skipped(node, table.schema, node.index_name, counted)

    def _whole(self, plan: PlanNode, skipped: Collection[_Skipped], indexes: Collection[WhatIf]) -> PlanNode:
        sizes = dict(self._sizes)
        for each in _multiple(indexes):
            rows = self._rows.get((each.spec.schema, each.spec.table), 0.0)
            sizes[each.spec.schema, each.name] = (each.size_bytes / BLOCK_SIZE, rows)
        more = {
            id(each.node): self._full_scan(each.node, sizes.get((each.schema, each.index), (0.0, 0.0)))
            for each in skipped
        }
        return _raised(plan, more)[0]

    def _full_scan(self, node: PlanNode, size: tuple[float, float]) -> float:
        """What reading the whole index costs above what the node takes for it (selfuncs.c, genericcostestimate)."""
        pages, entries = size
        quals = node.condition("Index Cond").count(" AND ") + 1
        whole = pages * self._page + entries * (self._entry + quals * self._operator)
        heap = {"Bitmap Index Scan": 0.0, "Index Only Scan": self._row}.get(node.node_type, self._page + self._row)
        return max(0.0, whole - max(0.0, node.total_cost - node.rows * heap))


def _multiple(indexes: Collection[WhatIf]) -> Iterator[WhatIf]:
    return (each for each in indexes if each.spec.method == "btree" and len(each.spec.columns) > 1)


def _walk(node: PlanNode, above: PlanNode | None, counted: bool) -> Iterator[tuple[PlanNode, PlanNode | None, bool]]:
    """(node, nearest scan of a table at or above it, can one tell how often it is executed)"""
    table = node if node.relation else above
    yield node, above, counted
    for child in node.children:
        known = node.node_type in _COUNTED and child.parent_relationship != "SubPlan"
        yield from _walk(child, table, counted and (known or child.parent_relationship == "InitPlan"))


def _raised(node: PlanNode, more: dict[int, float]) -> tuple[PlanNode, float]:
    """The node with the extra costs of everything below it, and their sum."""
    children = [_raised(child, more) for child in node.children]
    extra = more.get(id(node), 0.0)
    extra += sum(_times(node, child) * cost for child, (_, cost) in zip(node.children, children, strict=True))
    if not extra:
        return node, 0.0
    return replace(node, total_cost=node.total_cost + extra, children=tuple(child for child, _ in children)), extra


def _times(node: PlanNode, child: PlanNode) -> float:
    """How often, or how far, the node reads its child."""
    if node.node_type == "Nested Loop" and child.parent_relationship == "Inner" and child.node_type != "Materialize":
        outer = next((each for each in node.children if each.parent_relationship == "Outer"), None)
        return max(1.0, outer.rows) if outer is not None else 1.0
    if node.node_type == "Limit" and child.total_cost > child.startup_cost:
        return min(1.0, (node.total_cost - node.startup_cost) / (child.total_cost - child.startup_cost))
    return 1.0


def _mentions(condition: str, key: str, alias: str) -> bool:
    """Does the condition compare the key (a column's name, or an expression in parentheses) of the table `alias`?

    Of an expression any of its names will do: plans print it with SQL functions opened up.
    """
    wanted = {_name(token) for token in scan(key) if token.kind in ("word", "name")} if key.startswith("(") else {key}
    return not wanted.isdisjoint(_unqualified(scan(condition), alias))


def _unqualified(tokens: list[Token], alias: str) -> list[str]:
    """The texts, names unquoted; `alias.` is left out, columns of other tables keep their qualifier in one piece."""
    found: list[str] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        name = _name(token)
        if token.kind in ("word", "name") and at + 2 < len(tokens) and tokens[at + 1].text == ".":
            found.append(_name(tokens[at + 2]) if name == alias else f"{name}.{_name(tokens[at + 2])}")
            at += 3
            continue
        found.append(name)
        at += 1
    return found


def _name(token: Token) -> str:
    return token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text
