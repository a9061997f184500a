"""The statements under study, and what a set of indexes would make of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optischema_tui.core.advise.planner import Planner, WhatIf
from optischema_tui.core.advise.reading.uses import Use
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

Specs = frozenset[IndexSpec]


@dataclass(frozen=True, slots=True)
class Work:
    """One statement with its plan as things are."""

    number: int
    statement: WorkloadStatement
    share: float
    """0-1 of the workload's measured time."""
    baseline: PlanNode
    uses: tuple[Use, ...]

    @property
    def cost(self) -> float:
        return max(self.baseline.total_cost, 1e-9)

    def wants(self, spec: IndexSpec) -> bool:
        """Whether an index could serve this statement: it begins with a column that the plan looks for."""
        return any(use.key == (spec.schema, spec.table) and spec.columns[0] in use.columns() for use in self.uses)


class Pricer:
    """Plans works under sets of what-if indexes; never asks the planner the same twice.

    A statement is planned only under those indexes of a set that it could want, so that most answers are known.
    """

    def __init__(self, planner: Planner, works: Sequence[Work]) -> None:
        self._planner = planner
        self._works = works
        self._plans: dict[int, dict[Specs, PlanNode]] = {work.number: {} for work in works}
        self._wanting: dict[IndexSpec, tuple[Work, ...]] = {}
        self.indexes: dict[IndexSpec, WhatIf] = {}

    def add(self, spec: IndexSpec) -> None:
        """Make `spec` known to the planner. Raises LabError when it cannot be modelled."""
        if spec not in self.indexes:
            self.indexes[spec] = self._planner.add(spec)

    def can_add(self, spec: IndexSpec) -> bool:
        """`add`, and whether the planner could model it."""
        try:
            self.add(spec)
        except LabError:
            return False
        return True

    def wanting(self, spec: IndexSpec) -> tuple[Work, ...]:
        """The works that `spec` could serve."""
        if spec not in self._wanting:
            self._wanting[spec] = tuple(work for work in self._works if work.wants(spec))
        return self._wanting[spec]

    def plan(self, work: Work, specs: Iterable[IndexSpec]) -> PlanNode:
        """The plan of one work under `specs`; its plan as things are when the planner fails on it in mid-search."""
        relevant = frozenset(spec for spec in specs if work.wants(spec))
        if not relevant:
            return work.baseline
        known = self._plans[work.number]
        if relevant not in known:
            known[relevant] = self._derived(work, relevant) or self._asked(work, relevant)
        return known[relevant]

    def _derived(self, work: Work, relevant: Specs) -> PlanNode | None:
        """The plan under more indexes, when it reads none of those that are missing here: it is cheapest here too."""
        for more, plan in self._plans[work.number].items():
            if relevant < more and self._read(plan, more) <= relevant:
                return plan
        return None

    def _asked(self, work: Work, relevant: Specs) -> PlanNode:
        names = sorted((self.indexes[spec] for spec in relevant), key=lambda each: each.name)
        try:
            return self._planner.plan(work.statement.sql, names)
        except PlanFailed:
            return work.baseline

    def _read(self, plan: PlanNode, specs: Specs) -> Specs:
        names = plan.indexes()
        return frozenset(spec for spec in specs if self.indexes[spec].name in names)

    def cost(self, work: Work, specs: Iterable[IndexSpec]) -> float:
        return min(self.plan(work, specs).total_cost, work.cost)

    def used(self, work: Work, specs: Specs) -> Specs:
        """Those of `specs` that the plan under all of them reads."""
        return self._read(self.plan(work, specs), specs)

    def remaining(self, specs: Specs) -> float:
        """0-1: what is left of the workload's measured time if time falls as planned cost does.

        Each statement weighs its measured time, not calls x cost: planner units of different statements take
        very different times, and this calibrates them.
        """
        saved = 0.0
        for work in self._works_of(specs):
            saved += work.share * (1.0 - self.cost(work, specs) / work.cost)
        return 1.0 - saved

    def gain(self, specs: Specs) -> float:
        """0-1: the share of the workload's measured time that `specs` would save."""
        return 1.0 - self.remaining(specs)

    def size(self, specs: Iterable[IndexSpec]) -> int:
        """Bytes of all of them."""
        return sum(self.indexes[spec].size_bytes for spec in specs)

    def _works_of(self, specs: Specs) -> tuple[Work, ...]:
        found = {work.number: work for spec in specs for work in self.wanting(spec)}
        return tuple(found[number] for number in sorted(found))
