"""Extend: our re-implementation from the paper, with the rules of the published evaluation's code.

Schlosser, Kossmann, Boissier: Efficient Scalable Multi-attribute Index Selection Using Recursive Strategies, ICDE 2019.
Rules kept: every mentioned column as a single index and as what may be appended to a chosen one, benefit per added
HypoPG byte, a step must save 0.3 % of the current cost, nothing is taken away again; a plan is asked for once for each
pair of a statement and the set of indexes that share a column with it. Ours: plan costs are multiplied by weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.index_selection.choice import Choice, spending
from benchmarks.index_selection.columns import Column, all_columns, mentioned
from benchmarks.index_selection.hypo import Hypo
from benchmarks.index_selection.workload import Workload

WIDTH = 2
MIN_IMPROVEMENT = 1.003

Index = tuple[Column, ...]


def definition(index: Index) -> str:
    return f"CREATE INDEX ON {index[0][0]} ({', '.join(column for _, column in index)})"


@dataclass(slots=True)
class Costs:
    """Workload cost of index combinations, with the paper's cache."""

    hypo: Hypo
    queries: list[tuple[str, float, frozenset[Column]]]
    cache: dict[tuple[int, frozenset[Index]], float] = field(default_factory=dict)

    def of(self, combination: tuple[Index, ...]) -> float:
        total = 0.0
        for number, (sql, weight, columns) in enumerate(self.queries):
            relevant = frozenset(index for index in combination if not columns.isdisjoint(index))
            key = (number, relevant)
            if key not in self.cache:
                self.hypo.use(definition(index) for index in sorted(relevant))
                self.cache[key] = self.hypo.cost(sql)
            total += weight * self.cache[key]
        return total

    def size(self, index: Index) -> int:
        return self.hypo.size(definition(index))


@dataclass(slots=True)
class Step:
    """The best step of a round so far."""

    ratio: float = 0.0
    combination: tuple[Index, ...] = ()
    cost: float = 0.0


def extend(workload: Workload, budget: int, width: int = WIDTH) -> Choice:
    """The set for a budget in HypoPG bytes; a text stands for its weight, one plan request each."""
    with Hypo(workload.database) as hypo, spending(hypo) as spent:
        columns = all_columns(hypo.session)
        queries = [(sql, weight, mentioned(sql, columns)) for sql, weight in workload.pairs()]
        costs = Costs(hypo, queries)
        singles = sorted({column for _, _, some in queries for column in some}, key=lambda each: (each[1], each[0]))
        chosen: tuple[Index, ...] = ()
        current = costs.of(())
        while (step := _round(costs, chosen, current, singles, budget, width)).ratio > 0:
            chosen, current = step.combination, step.cost
        explains = hypo.explains
    return Choice(tuple(definition(each) for each in chosen), explains, spent.cpu_seconds, spent.wall_seconds)


def _round(
    costs: Costs, chosen: tuple[Index, ...], current: float, singles: list[Column], budget: int, width: int
) -> Step:
    best = Step()
    used = sum(costs.size(index) for index in chosen)
    for column in singles:
        single = (column,)
        if single not in chosen and 0 < costs.size(single) <= budget - used:
            _try(costs, (*chosen, single), current, costs.size(single), budget, best)
    for column in singles:
        for index in chosen:
            longer = (*index, column)
            if len(index) < width and column[0] == index[0][0] and column not in index and longer not in chosen:
                rest = tuple(each for each in chosen if each != index)
                _try(costs, (*rest, longer), current, costs.size(longer) - costs.size(index), budget, best)
    return best


def _try(costs: Costs, combination: tuple[Index, ...], current: float, added: int, budget: int, best: Step) -> None:
    cost = costs.of(combination)
    if cost * MIN_IMPROVEMENT >= current:
        return
    ratio = (current - cost) / added
    if ratio > best.ratio and sum(costs.size(index) for index in combination) <= budget:
        best.ratio, best.combination, best.cost = ratio, combination, cost
