"""What became of a statement's plan, in words. No I/O."""

from __future__ import annotations

import json
from collections import Counter

from optischema_tui.core.models import KeptPlan
from optischema_tui.core.workload.plan import PlanNode, parse_plan

SAME, OTHER = "same plan", "another plan"
"""How the words begin."""
_NAMED = 3
"""Nodes of each side that are named."""


def plan_words(before: KeptPlan | None, after: KeptPlan | None) -> str:
    """`same plan`, or which nodes only the one side has; empty when one of the two is not known.

    Two plans are the same when their nodes, relations, indexes and nesting are; figures and conditions may differ.
    """
    old, new = tree(before), tree(after)
    if old is None or new is None:
        return ""
    if old.shape() == new.shape():
        return SAME
    gone, come = _named(old, new), _named(new, old)
    if not gone and not come:
        return f"{OTHER}: the same nodes in another order"
    return f"{OTHER}: {gone or 'nothing'} became {come or 'nothing'}"


def tree(kept: KeptPlan | None) -> PlanNode | None:
    """The plan as a tree; None without one, and for what is no plan: it lay on a disk that others may write to."""
    if kept is None or not kept.document:
        return None
    try:
        return parse_plan(json.loads(kept.document))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _named(plan: PlanNode, other: PlanNode) -> str:
    """The nodes that only `plan` has; those that read a table or an index before all others."""
    only = Counter(map(_words, plan.walk())) - Counter(map(_words, other.walk()))
    found = list(dict.fromkeys(words for node in plan.walk() if (words := _words(node)) in only))
    found.sort(key=lambda words: " on " not in words)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _words(node: PlanNode) -> str:
    index = f" using {node.index_name}" if node.index_name else ""
    relation = f" on {node.relation}" if node.relation else ""
    return f"{node.node_type}{index}{relation}"
