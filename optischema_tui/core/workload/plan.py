"""A plan as a tree of plain values, read from EXPLAIN (FORMAT JSON)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One node. Costs in the planner's units, rows per loop as estimated."""

    node_type: str
    startup_cost: float
    total_cost: float
    rows: float
    width: int
    relation: str = ""
    schema: str = ""
    alias: str = ""
    index_name: str = ""
    join_type: str = ""
    strategy: str = ""
    conditions: tuple[tuple[str, str], ...] = ()
    """(label, SQL text): Index Cond, Filter, Recheck Cond, Hash Cond, Merge Cond, Join Filter, ..."""
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(label, expressions): Sort Key, Presorted Key, Group Key"""
    parent_relationship: str = ""
    subplan_name: str = ""
    output: tuple[str, ...] = ()
    """Expressions that the node gives, of EXPLAIN (VERBOSE). A scan may give all columns where nobody minds."""
    operation: str = ""
    """Of a ModifyTable: Insert, Update, Delete, Merge."""
    direction: str = ""
    """Of an index scan: Forward, Backward."""
    children: tuple[PlanNode, ...] = field(default=())

    def walk(self) -> Iterator[PlanNode]:
        """This node, then every node below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def condition(self, label: str) -> str:
        return next((text for name, text in self.conditions if name == label), "")

    def indexes(self) -> frozenset[str]:
        """Names of the indexes this plan reads."""
        return frozenset(node.index_name for node in self.walk() if node.index_name)

    def shape(self) -> str:
        """Node types, relations, index names and nesting without numbers: two plans of one shape do the same work."""
        inner = ", ".join(child.shape() for child in self.children)
        what = " ".join(filter(None, (self.node_type, self.join_type, self.strategy, self.alias, self.index_name)))
        return f"{what}({inner})" if inner else what


_CONDITIONS = (
    "Index Cond", "Recheck Cond", "Filter", "Hash Cond", "Merge Cond", "Join Filter", "One-Time Filter", "TID Cond",
    "Order By", "Function Call",
)  # fmt: skip
_KEYS = ("Sort Key", "Presorted Key", "Group Key")


def parse_plan(document: Any) -> PlanNode:
    """The tree of an EXPLAIN (FORMAT JSON) answer: the decoded list, its first element, or the Plan object itself.

    Raises ValueError when it is none of these.
    """
    if isinstance(document, list) and document:
        document = document[0]
    if isinstance(document, dict) and "Plan" in document:
        document = document["Plan"]
    if not isinstance(document, dict) or "Node Type" not in document:
        raise ValueError("not an EXPLAIN (FORMAT JSON) document")
    return PlanNode(
        node_type=str(document["Node Type"]),
        startup_cost=float(document.get("Startup Cost", 0.0)),
        total_cost=float(document.get("Total Cost", 0.0)),
        rows=float(document.get("Plan Rows", 0)),
        width=int(document.get("Plan Width", 0)),
        relation=str(document.get("Relation Name", "")),
        schema=str(document.get("Schema", "")),
        alias=str(document.get("Alias", "")),
        index_name=str(document.get("Index Name", "")),
        join_type=str(document.get("Join Type", "")),
        strategy=str(document.get("Strategy", "")),
        conditions=tuple((label, str(document[label])) for label in _CONDITIONS if label in document),
        keys=tuple((label, tuple(map(str, document[label]))) for label in _KEYS if label in document),
        parent_relationship=str(document.get("Parent Relationship", "")),
        subplan_name=str(document.get("Subplan Name", "")),
        output=tuple(map(str, document.get("Output", ()))),
        operation=str(document.get("Operation", "")),
        direction=str(document.get("Scan Direction", "")),
        children=tuple(parse_plan(child) for child in document.get("Plans", ())),
    )
