"""What a plan is worth, where the planner is known to hope for too much."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.advise.choose.question import Price
from optischema_tui.core.advise.judge.pages import page_cost
from optischema_tui.core.advise.reading.uses import find_table
from optischema_tui.core.models import CatalogFacts
from optischema_tui.core.workload.plan import PlanNode

PESSIMISM = 0.5
"""0-1: how far an early stop is moved, on a logarithmic scale, from the planner's hope to a walk to the very end."""
_ROW_COST = 0.015
"""cpu_tuple_cost + cpu_index_tuple_cost: no scan visits more rows than its cost divided by this."""
_STREAMING = frozenset((
    "Nested Loop", "Subquery Scan", "Result", "LockRows", "Append", "Merge Append", "Unique", "Gather Merge",
    "ProjectSet", "Incremental Sort",
))  # fmt: skip
_ORDERED = frozenset(("Index Scan", "Index Only Scan"))


def honest(facts: CatalogFacts, pages: float = 1.0) -> Price:
    """A price that is the plan's total cost, with pages at `pages` (0-1) of the planner's prices (see `page_factor`),
    made dearer where it stops early.

    A LIMIT over an index scan in the wanted order that filters: the planner spreads the matching rows evenly over the
    order, takes the LIMIT's share of the whole walk, and is often far off (matches lie together at the other end).
    With `hope` its figure, `worst` the cost of the walk to its end, and `f` the share of the visited rows that match,
        cost = hope^(1-w) * worst^w,   w = PESSIMISM * (1 - f)^2
    so that nothing changes when nearly all rows match or the LIMIT takes all of them, and that it is never below the
    planner's hope. An index that finds the matches in their order has no filter left, and keeps the planner's figure.
    """

    def price(plan: PlanNode) -> float:
        more = sum(loops * (_early_stop(limit, facts) - limit.total_cost) for limit, loops in _limits(plan, 1.0))
        light = (1.0 - pages) * page_cost(plan, facts) / plan.total_cost if pages < 1.0 and plan.total_cost > 0 else 0.0
        return (plan.total_cost + max(0.0, more)) * (1.0 - light)

    return price


def stops_early(plan: PlanNode, index: str) -> bool:
    """Whether the plan walks `index` in order, filters, and stops at a LIMIT."""
    for limit, _ in _limits(plan, 1.0):
        walk = _walk(limit)
        if walk is not None and walk.index_name == index:
            return True
    return False


def _limits(node: PlanNode, loops: float) -> Iterator[tuple[PlanNode, float]]:
    """Every LIMIT with the number of times that it runs."""
    if node.node_type == "Limit":
        yield node, loops
    outer = next((child for child in node.children if child.parent_relationship == "Outer"), None)
    for child in node.children:
        inner = node.node_type == "Nested Loop" and child.parent_relationship == "Inner" and outer is not None
        yield from _limits(child, loops * max(1.0, outer.rows) if inner and outer is not None else loops)


def _early_stop(limit: PlanNode, facts: CatalogFacts) -> float:
    """The cost of a LIMIT as it is to be feared; its own where it does not stop a filtering walk."""
    walk = _walk(limit)
    if walk is None or not limit.children:
        return limit.total_cost
    child = limit.children[0]
    table = find_table(facts, walk.schema, walk.relation)
    visited = walk.total_cost / _ROW_COST
    if table is not None and table.rows > 0:
        visited = min(visited, table.rows)
    share = min(1.0, child.rows / max(visited, 1.0))
    worst = max(child.total_cost, limit.total_cost)
    weight = PESSIMISM * (1.0 - share) ** 2
    hope = max(limit.total_cost, 1e-6)
    return float(hope * (max(worst, hope) / hope) ** weight)


def _walk(limit: PlanNode) -> PlanNode | None:
    """The ordered scan below a LIMIT that filters, with nothing between that reads all of its input first."""
    node, filtered = limit, False
    while node.children and (node is limit or node.node_type in _STREAMING):
        node = node.children[0]
        filtered |= bool(node.condition("Filter") or node.condition("Join Filter")) or node.node_type == "Nested Loop"
    return node if node.node_type in _ORDERED and filtered else None
