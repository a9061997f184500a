"""Two plans of one statement, before and after: beside each other where there is room, else one below the other."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import zip_longest

from optischema_tui.core.baseline.plans import tree
from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import KeptPlan
from optischema_tui.core.safe_text import clean
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.widgets.figures import UNKNOWN, count
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, Piece, cells, cut, wrap
from optischema_tui.widgets.plan_tree import plan_lines
from optischema_tui.widgets.sections import heading

BESIDE = 116
"""Cells from which the two stand beside each other: a terminal of 120 columns."""
_BEFORE, _AFTER = ("- ", "warn"), ("+ ", "good")
"""Marks of what only the one side does."""


def plan_pair_lines(before: KeptPlan | None, after: KeptPlan | None, width: int, glyphs: Glyphs) -> list[Line]:
    """Both trees with costs and rows; a node is marked when the other side has not as many of its like.

    A node's like has its type, its relation and its index; conditions and figures may differ. Where there is no plan,
    its side says why.
    """
    old, new = _tree(before), _tree(after)
    only_old, only_new = _unlike(old, new), _unlike(new, old)
    summary = wrap(((_summary(old, new, glyphs), "strong"),), width)
    if width < BESIDE:
        first = _side("Before", before, old, only_old, _BEFORE, width, glyphs)
        return [*summary, (), *first, (), *_side("After", after, new, only_new, _AFTER, width, glyphs)]
    half = (width - 3) // 2
    left = _side("Before", before, old, only_old, _BEFORE, half, glyphs)
    right = _side("After", after, new, only_new, _AFTER, width - half - 3, glyphs)
    return [*summary, (), *_beside(left, right, half, glyphs)]


def same_work(before: KeptPlan | None, after: KeptPlan | None) -> bool | None:
    """Whether both plans have the same nodes, relations and indexes; None when one of them is not known."""
    old, new = _tree(before), _tree(after)
    return None if old is None or new is None else old.shape() == new.shape()


_tree = lru_cache(maxsize=256)(tree)
"""A table draws its rows anew much more often than there are other plans."""


def _unlike(plan: PlanNode | None, other: PlanNode | None) -> frozenset[tuple[str, ...]]:
    if plan is None or other is None:
        return frozenset()
    here, there = (Counter(_like(node) for node in each.walk()) for each in (plan, other))
    return frozenset(here - there)


def _like(node: PlanNode) -> tuple[str, ...]:
    return node.node_type, node.join_type, node.strategy, node.schema, node.relation, node.index_name


def _summary(old: PlanNode | None, new: PlanNode | None, glyphs: Glyphs) -> str:
    if old is None or new is None:
        return "There are not two plans to compare."
    same = "The same plan" if old.shape() == new.shape() else "Another plan"
    cost = f"{old.total_cost:,.2f} {glyphs.arrow} {new.total_cost:,.2f}"
    if old.total_cost > 0 and new.total_cost != old.total_cost:
        change = new.total_cost / old.total_cost - 1
        cost += f" ({change:+.0%})" if abs(change) < 10 else f" ({new.total_cost / old.total_cost:,.0f} times)"
    return f"{same}: cost {cost}, rows {count(old.rows)} {glyphs.arrow} {count(new.rows)}, as the planner estimates"


def _side(
    title: str,
    kept: KeptPlan | None,
    plan: PlanNode | None,
    only: frozenset[tuple[str, ...]],
    mark: Piece,
    width: int,
    glyphs: Glyphs,
) -> list[Line]:
    as_of = f"plan as of {_moment(kept.taken_at)}" if kept is not None and plan is not None else ""
    lines = [heading(title, as_of, width, glyphs)]
    if plan is None:
        return lines + wrap(((f"no plan kept: {_why(kept)}", "dim"),), width)
    drawn = plan_lines(plan, width, glyphs, lambda node: mark if _like(node) in only else ("", ""))
    return lines + [_inert(line) for line in drawn]


def _moment(at: float) -> str:
    return local_stamp(at) if at > 0 else UNKNOWN


def _why(kept: KeptPlan | None) -> str:
    if kept is None or not (kept.document or kept.error):
        return "none of this statement was taken with it"
    return clean(kept.error) if kept.error else "what was kept cannot be read"


def _inert(line: Line) -> Line:
    """Every character as it will be drawn: the right side stands where the left one's cells end."""
    return tuple((clean(text).replace("\n", " ").replace("\t", " "), role) for text, role in line)


def _without_end(line: Line) -> Line:
    """`line` without the space at its end, which a broken line keeps."""
    *front, (text, role) = line or (("", ""),)
    return (*front, (text.rstrip(" "), role))


def _beside(left: list[Line], right: list[Line], half: int, glyphs: Glyphs) -> list[Line]:
    lines = []
    for one, other in zip_longest(left, right, fillvalue=()):
        shown = cut(_without_end(one), half)
        lines.append((*shown, (" " * (half - cells(shown)), ""), (f" {glyphs.separator} ", "rule"), *other))
    return lines
