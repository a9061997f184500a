"""Tries of a statement's text with values, and what the rows that its calls were measured to return say of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from optischema_tui.core.advise.values.combine import Combination
from optischema_tui.core.advise.values.literal import filled
from optischema_tui.core.advise.values.slots import Slot
from optischema_tui.core.errors import PlanFailed
from optischema_tui.core.workload.plan import PlanNode

NEAR = 1.1
"""A factor within which the planned rows are the measured ones."""
ROUGH = 1.5
"""A factor by which row estimates of usual conditions are off."""
LEAST = 0.02
"""A draw of less weight is left out once the measured rows have spoken."""
FEW = 5.0
"""More rows a call than this are not what a draw returns that finds one or none."""
MUCH = 4.0
"""A size found by trying is given up when it makes the rows worse by more than this factor. Less is no reason: of a
prefix a planner knows only whether the histogram holds it."""
_MOST_COMBINATIONS = 4096

Plan = Callable[[str], PlanNode]


@dataclass(frozen=True, slots=True)
class Try:
    """A text with its plan."""

    sql: str
    weight: float
    values: str
    plan: PlanNode
    shares: tuple[float, ...]
    """Per slot, of the rows that it selects."""
    combination: Combination

    @property
    def share(self) -> float:
        """0-1: what all slots select together if they are independent."""
        return math.prod(self.shares)

    @property
    def rows(self) -> float:
        """As `returned` of its plan; 0 where that tells nothing."""
        return returned(self.plan) or 0.0


def returned(plan: PlanNode) -> float | None:
    """The rows that a call of this plan gives back (or changes), as planned; None where that says nothing about
    the conditions: under an aggregate, a LIMIT, or DISTINCT.
    """
    if plan.node_type in ("Aggregate", "Group", "Limit", "Unique", "SetOp", "Recursive Union"):
        return None
    below = [child for child in plan.children if not child.subplan_name]
    if plan.node_type == "ModifyTable":
        return returned(below[0]) if below else None
    through = ("Sort", "Incremental Sort", "Gather", "Gather Merge", "LockRows", "Materialize", "Result", "WindowAgg")
    if plan.node_type in (*through, "Subquery Scan", "ProjectSet") and below and returned(below[0]) is None:
        return None
    return plan.rows


class Fitter:
    """Plans combinations, at most twice as many as it returns."""

    def __init__(
        self, sql: str, slots: Sequence[Slot], plan: Plan, aim: float | None, compared: frozenset[int]
    ) -> None:
        """`aim`: rows that a call returned on average, None when that is not known or tells nothing; `compared`:
        the parameters that conditions hold."""
        self.sql = sql
        self.slots = slots
        self.plan = plan
        self.aim = aim
        left = sorted(compared - {number for slot in slots for number in slot.numbers})
        self.left = f"{', '.join(f'${number}' for number in left)} not known" if left else ""
        self.sizing = next((at for at, slot in enumerate(slots) if slot.most), None) if aim is not None else None

    def tries(self, chosen: Sequence[Combination]) -> list[Try]:
        """The combinations planned, or others in their place that fit the measured rows better, with their weights.
        Empty when none can be planned.
        """
        first = self.slots[self.sizing].first if self.sizing is not None else 0.0
        found = self._planned([(each, first) for each in chosen])
        if self.aim is None or not found:
            return found
        if self.sizing is not None:
            found = self._sized(found, first)
        elif len(self.slots) > 1 and not self._fits(weighed(found, self.aim)):
            known = {each.combination.options for each in found}
            others = [each for each in self._others(found, len(chosen)) if each.options not in known]
            found = found + self._planned([(each, 0.0) for each in others])
        if self.aim > FEW and any(each.rows > 1.0 for each in found):
            found = [each for each in found if each.rows > 1.0]
        return whole(weighed(found, self.aim)[: len(chosen)])

    def _planned(self, chosen: Sequence[tuple[Combination, float]]) -> list[Try]:
        """With the given size of the slot that is sized; weights as the combinations', summing to 1."""
        found: dict[str, Try] = {}
        for each, size in chosen:
            sizes = [size if at == self.sizing else option.size for at, option in enumerate(each.options)]
            parts = [option.make(own) for option, own in zip(each.options, sizes, strict=True)]
            sql = filled(self.sql, {number: text for part in parts for number, text in part.constants.items()})
            if sql in found:
                found[sql] = replace(found[sql], weight=found[sql].weight + each.weight)
                continue
            try:
                plan = self.plan(sql)
            except PlanFailed:
                continue
            words = ", ".join(filter(None, (*(part.words for part in parts), self.left)))
            found[sql] = Try(sql, each.weight, words, plan, tuple(part.share for part in parts), each)
        return whole(list(found.values()))

    def _sized(self, found: Sequence[Try], tried: float) -> list[Try]:
        """Each combination with the size at which it returns the measured rows: they grow with it in proportion.
        That all values go with one size is no more likely than that callers ask for about as much of each.
        """
        assert self.sizing is not None
        assert self.aim is not None
        scale = self._scale(found)
        again: list[tuple[Combination, float]] = []
        for each in found:
            rows = each.rows if each.rows > 1.0 else min(1.0, scale * each.share)
            size = min(self.slots[self.sizing].most, max(1e-7, tried * max(self.aim, 0.5) / max(rows, 1e-9)))
            if not tried / NEAR <= size <= tried * NEAR:
                again.append((replace(each.combination, weight=each.weight), size))
        better = {each.combination.options: each for each in self._planned(again)}
        chosen: list[Try] = []
        for each in found:
            other = better.get(each.combination.options, each)
            worse = self._distance(other) > self._distance(each) + math.log(MUCH)
            chosen.append(each if worse else replace(other, weight=each.weight))
        return whole(list({each.sql: each for each in chosen}.values()))

    def _scale(self, found: Sequence[Try]) -> float:
        """The rows that a share of 1 stands for, as plans that found some tell."""
        told = [math.log(each.rows / each.share) for each in found if each.rows > 1.0 and each.share > 0]
        return math.exp(sum(told) / len(told)) if told else 1.0

    def _distance(self, one: Try) -> float:
        """How far its rows are from the measured ones, as a logarithm."""
        return abs(math.log(max(one.rows, 0.5) / max(self.aim or 0.0, 0.5)))

    def _fits(self, found: Sequence[Try]) -> bool:
        assert self.aim is not None
        mean = sum(each.weight * each.rows for each in found)
        return self.aim / ROUGH <= max(mean, 1.0) <= max(self.aim, 1.0) * ROUGH

    def _others(self, found: Sequence[Try], most: int) -> list[Combination]:
        """Of all combinations, those that weigh most when together they return the measured rows."""
        assert self.aim is not None
        if math.prod(len(slot.options) for slot in self.slots) > _MOST_COMBINATIONS:
            return []
        scale = self._scale(found)
        shares = [[(option, option.make(option.size).share) for option in slot.options] for slot in self.slots]
        choices = list(product(*shares))
        options = [tuple(option for option, _ in each) for each in choices]
        weights = [math.prod(option.weight for option in each) for each in options]
        rows = [scale * math.prod(share for _, share in each) for each in choices]
        tilted = _tilted(weights, rows, self.aim)
        ranked = sorted(range(len(options)), key=lambda at: (-tilted[at], at))[:most]
        return [Combination(options[at], max(weights[at], 1e-6)) for at in ranked]


def whole(tries: Sequence[Try]) -> list[Try]:
    """With weights that sum to 1."""
    total = sum(each.weight for each in tries)
    return [replace(each, weight=each.weight / total) for each in tries]


def weighed(tries: Sequence[Try], aim: float) -> list[Try]:
    """The tries with the weights that let their planned rows be `aim` on average, heaviest first. What weighs little
    then is left out.
    """
    rows = [each.rows for each in tries]
    weights = _tilted([each.weight for each in tries], rows, aim)
    least = LEAST * max(weights)
    kept = [replace(each, weight=weight) for each, weight in zip(tries, weights, strict=True) if weight >= least]
    return whole(sorted(kept, key=heaviest_first))


def heaviest_first(one: Try) -> tuple[float, str]:
    return -round(one.weight, 9), one.sql


def _tilted(weights: Sequence[float], rows: Sequence[float], aim: float) -> list[float]:
    """The weights nearest to the given ones by which `rows` is `aim` on average (exponential tilting, the least change
    in the sense of Kullback and Leibler); where none do, those by which it is nearly the least or the greatest. As
    they are, where it is about `aim` already.
    """
    top, total = max(rows), sum(weights)
    mean = sum(weight * row for weight, row in zip(weights, rows, strict=True)) / total
    if top <= 0 or aim / ROUGH <= mean <= aim * ROUGH:
        return [weight / total for weight in weights]
    goal = min(max(aim, NEAR * min(rows)), top / NEAR)

    def at(slope: float) -> list[float]:
        raw = [math.log(max(weight, 1e-12)) + slope * row / top for weight, row in zip(weights, rows, strict=True)]
        highest = max(raw)
        parts = [math.exp(each - highest) for each in raw]
        total = sum(parts)
        return [part / total for part in parts]

    low, high = -1e4, 1e4
    for _ in range(60):
        slope = (low + high) / 2
        reached = sum(weight * row for weight, row in zip(at(slope), rows, strict=True))
        low, high = (slope, high) if reached < goal else (low, slope)
    return at(low)
