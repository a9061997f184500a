"""How much of a plan's cost is for pages, and what a page really takes beside the processor's work.

The planner's page prices assume that pages come from a disk. Where they lie in memory, a page takes a twentieth to a
fiftieth of what its price says, measured against rows: scans of a table then look far too cheap beside look-ups, and
covering indexes far too good. On 300,000 rows in memory (benchmarks/page_prices.py) predicted ratios were off by a
typical factor of 9 to 10 with the planner's prices, of 2.7 with pages at 0.05. The measured times of the workload's own
statements tell where the pages are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from statistics import median

from optischema_tui.core.advise.reading.uses import find_table
from optischema_tui.core.models import CatalogFacts
from optischema_tui.core.workload.plan import PlanNode

FACTORS = (1.0, 0.5, 0.25, 0.1, 0.05)
"""Of the planner's page prices: those that are tried. Never above 1: dear pages are what the planner assumes."""
LEAST_STATEMENTS = 6
"""Fewer measured statements tell nothing."""
BETTER = 0.8
"""A factor is taken when times scatter at most so much as with the planner's own prices."""
_PAGE = 8192.0
_HEAP_ROW, _INDEX_ROW = 0.0125, 0.0175
"""Planner units of the processor's work on a row: cpu_tuple_cost and one operator; with cpu_index_tuple_cost."""
_BEHIND_A_FILTER = 10.0
"""Rows fetched for each that passes a filter behind an index condition; the plan does not tell."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured statement with its plan as things are."""

    plan: PlanNode
    mean_ms: float


def page_factor(samples: Iterable[Sample], facts: CatalogFacts) -> float:
    """The factor of FACTORS under which mean time per planner unit differs least between the statements.

    The measure is the mean distance of log(time / price) from its median, each statement counting once: frequent
    look-ups and rare scans must be told by the same price. 1 unless another is clearly better.
    """
    split = [
        (log(each.mean_ms), each.plan.total_cost, page_cost(each.plan, facts))
        for each in samples
        if each.mean_ms > 0 and each.plan.total_cost > 0
    ]
    if len(split) < LEAST_STATEMENTS:
        return 1.0
    spreads = {
        factor: _spread([time - log(cost - (1.0 - factor) * pages) for time, cost, pages in split])
        for factor in FACTORS
    }
    best = min(FACTORS, key=lambda factor: (round(spreads[factor], 9), -factor))
    return best if spreads[best] <= BETTER * spreads[1.0] else 1.0


def _spread(points: Sequence[float]) -> float:
    middle = median(points)
    return sum(abs(value - middle) for value in points) / len(points)


def page_cost(plan: PlanNode, facts: CatalogFacts) -> float:
    """Planner units of the plan's total cost that are for pages of tables, at most 98 % of it. Estimated: EXPLAIN gives
    one figure for both."""
    return min(0.98 * plan.total_cost, sum(times * _pages(node, facts) for node, times in _runs(plan, 1.0)))


def _runs(node: PlanNode, times: float) -> Iterator[tuple[PlanNode, float]]:
    """Every node with how often it runs in full: less than once below a LIMIT, once for each outer row."""
    yield node, times
    outer = next((child for child in node.children if child.parent_relationship == "Outer"), None)
    for child in node.children:
        below = times
        if node.node_type == "Limit" and child.total_cost > 0:
            below *= min(1.0, node.total_cost / child.total_cost)
        elif node.node_type == "Nested Loop" and child.parent_relationship == "Inner" and outer is not None:
            below *= 1.0 if child.node_type in ("Materialize", "Memoize") else max(1.0, outer.rows)
        yield from _runs(child, below)


def _pages(node: PlanNode, facts: CatalogFacts) -> float:
    """Planner units for pages of one scan."""
    table = find_table(facts, node.schema, node.relation) if node.relation else None
    if table is None:
        return 0.0
    rows = max(0.0, table.rows)
    if node.node_type == "Seq Scan":
        return min(node.total_cost, table.size_bytes / _PAGE)
    if node.node_type == "Bitmap Heap Scan":
        own = node.total_cost - sum(child.total_cost for child in node.children)
        return max(0.0, own - _HEAP_ROW * sum(child.rows for child in node.children))
    if node.node_type in ("Index Scan", "Index Only Scan"):
        fetched = node.rows
        if node.condition("Filter"):
            fetched = min(rows, _BEHIND_A_FILTER * node.rows) if node.condition("Index Cond") else rows
        return max(0.0, node.total_cost - _INDEX_ROW * fetched)
    return 0.0
