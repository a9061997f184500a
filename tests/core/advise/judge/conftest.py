"""A case to judge: statements, candidates by hand, and a planner with really built indexes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from optischema_tui.core.advise.choose.costs import Costs
from optischema_tui.core.advise.choose.question import Question
from optischema_tui.core.advise.judge.price import honest
from optischema_tui.core.advise.judge.prove import Case
from optischema_tui.core.advise.judge.upkeep import upkeep_ms
from optischema_tui.core.advise.judge.writes import write_load
from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.errors import LabError
from optischema_tui.core.models import CatalogFacts, IndexSpec
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement, text_id


def statement(sql: str, calls: int = 100, mean_ms: float = 20.0) -> WorkloadStatement:
    return WorkloadStatement(sql, calls, mean_ms, text_id(sql))


class HidingPlanner:
    """A `Planner` around the planner with built indexes: it can hide indexes that exist, too."""

    name = "test server"

    def __init__(self, built: Any) -> None:
        self.built = built
        self.guesses: dict[IndexSpec, str] = {}

    @property
    def calls(self) -> int:
        return int(self.built.calls)

    def add(self, spec: IndexSpec) -> WhatIf:
        return replace(self.built.add(spec), guess=self.guesses.get(spec, ""))

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        return [self.add(spec) for spec in specs]

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        with self.built.session.transaction(force_rollback=True):
            for schema, name in without:
                self.built.session.execute(
                    "UPDATE pg_index SET indisvalid = false FROM pg_class c, pg_namespace n WHERE c.oid = indexrelid"
                    " AND n.oid = c.relnamespace AND n.nspname = %s AND c.relname = %s",
                    (schema, name),
                )
            return self.built.plan(sql, indexes)


def without_built(facts: CatalogFacts) -> CatalogFacts:
    """The facts less the indexes that the planner has built for an earlier case of the test."""
    tables = {
        key: replace(table, indexes=tuple(each for each in table.indexes if not each.name.startswith("whatif")))
        for key, table in facts.tables.items()
    }
    return replace(facts, tables=tables)


@pytest.fixture
def case_of(built: Any, facts_now: Any) -> Callable[..., Case]:
    """`case_of(statements, chosen, ...)`: a question for each (text, weight); facts are read at each call."""

    def make(
        statements: Sequence[WorkloadStatement],
        chosen: Sequence[IndexSpec],
        *,
        rivals: Sequence[IndexSpec] = (),
        texts: dict[int, Sequence[tuple[str, float]]] | None = None,
        dropping: Sequence[str] = (),
        guesses: dict[IndexSpec, str] | None = None,
        **more: Any,
    ) -> Case:
        facts = without_built(facts_now())
        planner = HidingPlanner(built)
        planner.guesses = guesses or {}
        price = honest(facts)
        questions: list[Question] = []
        for place, one in enumerate(statements):
            asked = (texts or {}).get(place, [(one.sql, 1.0)])
            plans = [planner.plan(sql) for sql, _ in asked]
            whole = sum(weight * price(plan) for (_, weight), plan in zip(asked, plans, strict=True))
            for (sql, weight), plan in zip(asked, plans, strict=True):
                values = sql if len(asked) > 1 else ""
                ms = weight * one.total_ms / whole
                questions.append(Question(len(questions), place, sql, weight, ms, plan, values))
        everything = frozenset(range(len(questions)))
        candidates = [Candidate(spec, everything, ("Because the test says so.",)) for spec in (*chosen, *rivals)]
        dropped = []
        for table in facts.tables.values():
            for index in table.indexes:
                if index.name in dropping:
                    spec = IndexSpec(index.schema, index.table, index.columns, index.descending, index.include)
                    candidates.append(Candidate(spec, everything, existing=index))
                    dropped.append(spec)
        writes = write_load(statements, facts)
        upkeep = {
            each.spec: upkeep_ms(
                each.existing or each.spec,
                facts.tables[each.spec.schema, each.spec.table],
                writes.get((each.spec.schema, each.spec.table)),
            )
            for each in candidates
        }
        costs = Costs(questions, planner, price=price, upkeep_ms=upkeep)
        costs.admit(candidates)
        given = {"target": "t" * 16, "planner": planner.name, "upkeep_ms": upkeep, "writes": writes, **more}
        return Case(costs, statements, facts, tuple(chosen), tuple(dropped), **given)

    return make
