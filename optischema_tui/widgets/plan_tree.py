"""A plan as an indented tree with each node's own share of the cost."""

from __future__ import annotations

from collections.abc import Callable

from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.widgets.figures import count
from optischema_tui.widgets.glyphs import Glyphs, bar
from optischema_tui.widgets.lines import Line, Piece, wrap

Mark = Callable[[PlanNode], Piece]
"""What stands before a node's own words; an empty text for nothing."""


def plan_lines(plan: PlanNode, width: int, glyphs: Glyphs, mark: Mark = lambda node: ("", "")) -> list[Line]:
    """Two or more lines a node: what it does, then its conditions. The bar is the node's own cost."""
    total = max(plan.total_cost, 1e-9)
    heaviest = max(own_cost(node) for node in plan.walk())
    lines: list[Line] = []
    _add(plan, "", "", width, glyphs, total, heaviest, mark, lines)
    return lines


def own_cost(node: PlanNode) -> float:
    """Total cost less that of the children, never below zero (a Limit may cost less than what it reads)."""
    return max(0.0, node.total_cost - sum(child.total_cost for child in node.children))


def _add(
    node: PlanNode, lead: str, below: str, width: int, glyphs: Glyphs, total: float, heaviest: float, mark: Mark,
    out: list[Line],
) -> None:  # fmt: skip
    own = own_cost(node)
    share = min(1.0, own / total)
    role = "warn" if own == heaviest and share > 0.2 else "strong"
    label: list[tuple[str, str]] = [(bar(share, 6, glyphs), "bar"), (f" {share:>4.0%} ", "dim"), (lead, "rule")]
    if (marked := mark(node))[0]:
        label.append(marked)
    if node.subplan_name:
        label.append((f"[{node.subplan_name}] ", "dim"))
    label.append((_what(node), role))
    if node.relation:
        label += (("  on ", "dim"), (_relation(node), "accent"))
    if node.index_name:
        label += (("  using ", "dim"), (node.index_name, "good"))
    label.append((f"   rows {count(node.rows)}  cost {node.startup_cost:.2f}..{node.total_cost:.2f}", "dim"))
    out += wrap(tuple(label), width, 12 + len(lead) + 2)
    for name, text in (*node.conditions, *((key, ", ".join(values)) for key, values in node.keys)):
        lead_in = " " * 12 + below + (glyphs.tree[2] if node.children else glyphs.tree[3])
        for number, line in enumerate(wrap(((f"{name}: ", "dim"), (text, "")), width - len(lead_in), 2)):
            if number < 4:
                out.append(((lead_in, "rule"), *line))
    for place, child in enumerate(node.children):
        last = place == len(node.children) - 1
        _add(
            child, below + glyphs.tree[1 if last else 0], below + glyphs.tree[3 if last else 2],
            width, glyphs, total, heaviest, mark, out,
        )  # fmt: skip


def _what(node: PlanNode) -> str:
    kind = node.node_type
    if node.join_type and node.join_type != "Inner":
        kind = f"{kind} ({node.join_type})"
    return f"{kind} ({node.strategy})" if node.strategy and node.strategy != "Plain" else kind


def _relation(node: PlanNode) -> str:
    name = f"{node.schema}.{node.relation}" if node.schema else node.relation
    return name if node.alias in ("", node.relation) else f"{name} {node.alias}"
