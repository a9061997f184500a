"""A planner made of arithmetic, whose best sets can be found by trying them all."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from optischema_tui.core.advise.choose.question import Question
from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.models import IndexFacts, IndexSpec
from optischema_tui.core.workload.plan import PlanNode

Options = dict[frozenset[str], float]
"""By the names of the indexes that a plan reads, its cost."""


@dataclass
class ArithmeticPlanner:
    """Each question (its SQL is its number) has plans that each need some indexes; the cheapest one possible is taken.
    Real indexes are there unless hidden."""

    options: list[Options]
    sizes: dict[str, int]
    real: frozenset[str] = frozenset()
    hides: bool = True
    unmodelled: frozenset[str] = frozenset()
    fails: frozenset[str] = frozenset()
    """Questions that are refused as soon as a what-if index is there."""
    name: str = "arithmetic"
    calls: int = 0
    asked: list[tuple[str, frozenset[str], frozenset[IndexName]]] = field(default_factory=list)

    def add(self, spec: IndexSpec) -> WhatIf:
        name = name_of(spec)
        if name in self.unmodelled:
            raise LabError("The planner cannot model this index")
        return WhatIf(spec, name, self.sizes[name])

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        made: list[WhatIf | LabError] = []
        for spec in specs:
            try:
                made.append(self.add(spec))
            except LabError as error:
                made.append(error)
        return made

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        self.calls += 1
        if without and not self.hides:
            raise LabError("This planner cannot hide an index")
        names = frozenset(index.name for index in indexes)
        self.asked.append((sql, names, frozenset(without)))
        if sql in self.fails and names:
            raise PlanFailed("The statement cannot be planned")
        return self._plan(sql, names | (self.real - {name for _, name in without}))

    def baseline(self, sql: str) -> PlanNode:
        return self._plan(sql, self.real)

    def _plan(self, sql: str, present: frozenset[str]) -> PlanNode:
        possible = {used: cost for used, cost in self.options[int(sql)].items() if used <= present}
        used, cost = min(possible.items(), key=lambda each: (each[1], sorted(each[0])))
        leaves = tuple(PlanNode("Index Scan", 0.0, 0.0, 1.0, 8, index_name=name) for name in sorted(used))
        return PlanNode("Nested Loop", 0.0, cost, 1.0, 8, children=leaves)


@dataclass
class Instance:
    planner: ArithmeticPlanner
    questions: list[Question]
    candidates: list[Candidate]
    upkeep_ms: dict[IndexSpec, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(question.ms_per_cost * question.baseline.total_cost for question in self.questions)

    def objective(self, present: frozenset[str]) -> float:
        """Milliseconds with exactly these indexes, upkeep included."""
        plans = (self.planner._plan(question.sql, present) for question in self.questions)
        time = sum(question.ms_per_cost * plan.total_cost for question, plan in zip(self.questions, plans, strict=True))
        return time + sum(self.upkeep_ms.get(each.spec, 0.0) for each in self.candidates if _name(each) in present)

    def optimum(self, budget: int | None) -> float:
        """By trying every set."""
        names = [_name(each) for each in self.candidates]
        sizes = {_name(each): 0 if each.existing else self.planner.sizes[_name(each)] for each in self.candidates}
        sets = (frozenset(some) for count in range(len(names) + 1) for some in combinations(names, count))
        return min(
            self.objective(some) for some in sets if budget is None or sum(sizes[name] for name in some) <= budget
        )


def _name(candidate: Candidate) -> str:
    return candidate.existing.name if candidate.existing is not None else name_of(candidate.spec)


def name_of(spec: IndexSpec) -> str:
    return "_".join((spec.table, *spec.columns))


def new(name: str, serves: Collection[int]) -> Candidate:
    """A candidate whose what-if index is called `name`: `table_column[_column]`."""
    table, *columns = name.split("_")
    return Candidate(IndexSpec("public", table, tuple(columns)), frozenset(serves))


def there(name: str, serves: Collection[int]) -> Candidate:
    """An index that exists."""
    made = new(name, serves)
    facts = IndexFacts(
        "public", name, made.spec.table, "btree", made.spec.columns, (), (), "", False, False, True, False, 1000, ""
    )
    return Candidate(made.spec, made.serves, existing=facts)


def instance(options: list[Options], candidates: list[Candidate], sizes: dict[str, int], **planner: object) -> Instance:
    """Questions that take 1 ms for each unit of cost."""
    real = frozenset(each.existing.name for each in candidates if each.existing is not None)
    made = ArithmeticPlanner(options, sizes, real, **planner)  # type: ignore[arg-type]
    questions = [Question(n, n, str(n), 1.0, 1.0, made.baseline(str(n))) for n in range(len(options))]
    return Instance(made, questions, candidates)


def random_instance(seed: int, *, existing: int = 0, upkeep: bool = False) -> Instance:
    """9 indexes on 3 tables, 7 questions whose plans read up to 3 indexes; a plan with more of them is cheaper."""
    source = random.Random(seed)
    names = [f"t{number % 3}_c{number}" for number in range(9)]
    sizes = {name: source.randint(5, 40) for name in names}
    options: list[Options] = []
    serves: dict[str, set[int]] = {name: set() for name in names}
    for number in range(7):
        base = source.randint(100, 1000)
        plans: Options = {frozenset(): float(base)}
        for _ in range(6):
            used = frozenset(source.sample(names, source.randint(1, 3)))
            plans[used] = round(base * source.uniform(0.05, 0.95), 3)
            for name in used:
                serves[name].add(number)
        options.append(plans)
    candidates = [
        (there if place < existing else new)(name, serves[name]) for place, name in enumerate(names) if serves[name]
    ]
    made = instance(options, candidates, sizes)
    if upkeep:
        made.upkeep_ms = {each.spec: round(source.uniform(0, 150), 3) for each in candidates}
    return made
