"""Several texts of one normalised statement, with values drawn from the statistics in place of its parameters.

A generic plan hides what skew and partial indexes are worth: it is for an average value. The drawn texts are for
values that callers may pass; how many rows a call returned tells which of them they do pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from optischema_tui.core.advise.values.combine import combinations, heaviest
from optischema_tui.core.advise.values.fit import Fitter, Plan, Try, heaviest_first, returned
from optischema_tui.core.advise.values.literal import parameters, squashed, with_unit
from optischema_tui.core.advise.values.places import compared, places
from optischema_tui.core.advise.values.slots import Slot, Wants, slots
from optischema_tui.core.advise.values.text_places import text_places
from optischema_tui.core.models import CatalogFacts, digest
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

SAME_COST = 0.05
"""Two draws whose costs differ by no more than this, and ..."""
SAME_ROWS = 1.5
"""... whose row estimates differ by no more than this factor anywhere in equal plans, ..."""
CHEAP = 40.0
"""... are one if their values are about as frequent, or the plan costs less than this: nothing is left to win there."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One text of a statement."""

    sql: str
    weight: float
    """0-1: all texts of a statement sum to 1."""
    values: str
    """In words: `status = 'new' (2.1 % of rows), customer_id = '4711'`; empty for a statement without parameters.
    Safe to show."""
    plan: PlanNode
    """Its plan."""


def draw(
    statement: WorkloadStatement, generic: PlanNode, facts: CatalogFacts, plan: Plan, *, most: int = 4
) -> tuple[Drawn, ...]:
    """At most `most` texts of `statement`, heaviest first; the same input gives the same texts.

    `generic` is the plan of the statement as it stands; `plan` gives that of another text (PlanFailed: it is left
    out) and is called at most 2 x `most` times, a few times more when it refuses texts. Parameters that no statistics
    tell of stay `$n`, numbered anew from 1. When none can be drawn the statement comes back as it is, and `values`
    says so.
    """
    asked = parameters(statement.sql)
    if not asked:
        return (Drawn(statement.sql, 1.0, "", generic),)
    random = Random(int(digest(statement.sql)[:16], 16))
    aim = statement.rows_per_call if returned(generic) is not None else None
    made = _slots(statement.sql, generic, facts, Wants(most, aim is not None, _is_paged(generic)), random)
    needed = compared(generic)
    if not made:
        why = "no statistics tell which are passed" if needed else "its conditions take no parameter"
        return (Drawn(statement.sql, 1.0, f"for average values: {why}", generic),)
    tries = Fitter(statement.sql, made, plan, aim, needed).tries(combinations(made, most, random))
    if not tries and len(made) > 1:
        made = [each for each in made if Fitter(statement.sql, [each], plan, None, needed).tries([heaviest([each])])]
        tries = Fitter(statement.sql, made, plan, aim, needed).tries(combinations(made, most, random)) if made else []
    if not tries:
        return (Drawn(statement.sql, 1.0, "for average values: no text with values can be planned", generic),)
    return _collapsed(tries)


def _slots(sql: str, generic: PlanNode, facts: CatalogFacts, wants: Wants, random: Random) -> list[Slot]:
    found = [*places(generic, facts)]
    found += text_places(sql, facts, parameters(sql) - {number for place in found for number in place.numbers})
    numbers = with_unit(sql)
    wants = replace(wants, squashed=squashed(sql))
    return slots([place for place in found if numbers.isdisjoint(place.numbers)], wants, random)


def _collapsed(tries: Sequence[Try]) -> tuple[Drawn, ...]:
    """Tries that one plan serves alike made one, the heaviest."""
    kept: list[Try] = []
    for each in sorted(tries, key=heaviest_first):
        same = next((at for at, other in enumerate(kept) if _alike(each, other)), None)
        if same is None:
            kept.append(each)
        else:
            kept[same] = replace(kept[same], weight=kept[same].weight + each.weight)
    return tuple(Drawn(each.sql, each.weight, each.values, each.plan) for each in sorted(kept, key=heaviest_first))


def _alike(one: Try, other: Try) -> bool:
    """Equal costs are not enough: without an index a scan costs the same whatever it finds, with one it would not."""
    cost = max(one.plan.total_cost, other.plan.total_cost)
    if not same_cost(one.plan, other.plan):
        return False
    if not same_rows(one.plan, other.plan):
        return False
    shares = zip(one.shares, other.shares, strict=True)
    return cost < CHEAP or all(max(pair) <= SAME_ROWS * min(pair) for pair in shares)


def same_cost(one: PlanNode, other: PlanNode) -> bool:
    """Plans of one shape, whose costs are the same but for SAME_COST."""
    higher = max(one.total_cost, other.total_cost)
    return one.shape() == other.shape() and abs(one.total_cost - other.total_cost) <= SAME_COST * higher


def same_rows(one: PlanNode, other: PlanNode) -> bool:
    """Of plans of one shape: no estimate of rows differs by more than SAME_ROWS."""
    pairs = [(a.rows, b.rows) for a, b in zip(one.walk(), other.walk(), strict=True)]
    return all(max(pair) <= SAME_ROWS * max(1.0, min(pair)) for pair in pairs)


def _is_paged(plan: PlanNode) -> bool:
    return any(node.node_type == "Limit" for node in plan.walk())
