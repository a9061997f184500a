"""Which columns a plan reads of each table beside its conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optischema_tui.core.advise.reading.conditions import references
from optischema_tui.core.advise.reading.scope import SYSTEM_COLUMNS, Scope
from optischema_tui.core.advise.reading.use import Use
from optischema_tui.core.workload.lexer import significant
from optischema_tui.core.workload.plan import PlanNode

_NARROWING = frozenset((
    "Sort", "Incremental Sort", "Append", "Merge Append", "Gather", "Gather Merge", "Hash", "Materialize", "Memoize",
    "Subquery Scan", "ModifyTable",
))  # fmt: skip
"""Nodes that want no more than they need of a scan below. Under any other a scan may give whole rows at no cost."""
_BESIDE_TERMS = ("Function Call", "Order By")
_PASSING = frozenset(("Limit", "LockRows", "Unique"))


def projections(plan: PlanNode, scope: Scope) -> dict[Use, frozenset[str] | None]:
    """Per use its columns in the outputs and keys of the plan; None where the row itself is wanted, or
    where the plan tells no outputs."""
    if not any(node.output for node in plan.walk()):
        return dict.fromkeys(scope.uses)
    found: dict[Use, set[str]] = {use: set() for use in scope.uses}
    whole = {use for node in plan.walk() if node.operation and (use := scope.use_of(node)) is not None}
    for node, output in _exact(plan, scope, exact=True):
        own = scope.use_of(node)
        called = (text for label, text in node.conditions if label in _BESIDE_TERMS)
        for text in (*output, *called, *(key for _, keys in node.keys for key in keys)):
            for reference in references(list(significant(text))):
                if reference.name == "*" or reference.name in SYSTEM_COLUMNS:
                    whole.update(_named(reference.qualifier, scope, own))
                for use in scope.holders(reference, own):
                    found[use].add(reference.name)
    return {use: None if use in whole else frozenset(found[use]) for use in scope.uses}


def _exact(node: PlanNode, scope: Scope, *, exact: bool) -> Iterator[tuple[PlanNode, tuple[str, ...]]]:
    """Every node with its output, empty for scans that give more than what is asked of them."""
    use = scope.use_of(node)
    whole_row = use is not None and len(node.output) >= len(use.table.columns)
    surplus = not exact and (whole_row or node.node_type == "Index Only Scan")
    yield node, () if surplus else node.output
    for child in node.children:
        below = node.node_type in _NARROWING or child.parent_relationship in ("InitPlan", "SubPlan")
        yield from _exact(child, scope, exact=below or (exact and node.node_type in _PASSING))


def _named(qualifier: str, scope: Scope, own: Use | None) -> Iterable[Use]:
    if qualifier:
        return [use for use in scope.uses if qualifier in scope.aliases(use)]
    return [own] if own is not None else scope.uses
