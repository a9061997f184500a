"""The proof of one chosen index: which statements it makes cheaper, by how much, and beside which others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from optischema_tui.core.advise.choose.question import Question
from optischema_tui.core.advise.judge.costs import Costs
from optischema_tui.core.advise.judge.price import stops_early
from optischema_tui.core.advise.judge.writes import TableWrites
from optischema_tui.core.advise.planner import WhatIf
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.advise.reading.uses import TableKey
from optischema_tui.core.errors import PlanFailed
from optischema_tui.core.models import CatalogFacts, IndexFacts, IndexSpec, TableFacts
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

MIN_FALL = 0.20
"""A statement counts as helped when with some values its price falls by this much, and the plan reads the index."""
CALL_MS = 0.02
"""What a call takes whatever its plan: no index saves that. A look-up by key in memory takes 0.003 (measured on a quiet
machine) to 0.02 ms, and is no quicker with a covering index, whatever the planner makes of the pages not read."""
MIN_SAVED_MS = 0.01
"""Of each call of the helped statements, on average: less is within what plans cannot tell."""
MAX_RISE = 0.01
"""Rises of a statement's price up to this are the planner's rounding."""
_PARAMETER = re.compile(r"\$\d")


def saveable_ms(statement: WorkloadStatement) -> float:
    """Milliseconds of a statement's measured time that indexes could save at most: CALL_MS of each call stays."""
    return max(0.0, statement.mean_ms - CALL_MS) * statement.calls


@dataclass(frozen=True, slots=True)
class Case:
    """What there is to judge by, after the choice."""

    costs: Costs
    statements: Sequence[WorkloadStatement]
    """Those under study: `Question.statement` is the place in this list."""
    facts: CatalogFacts
    chosen: tuple[IndexSpec, ...]
    dropped: tuple[IndexSpec, ...] = ()
    upkeep_ms: Mapping[IndexSpec, float] = field(default_factory=dict)
    writes: Mapping[TableKey, TableWrites] = field(default_factory=dict)
    min_gain: float = 0.005
    """0-1 of the measured time that an index must save."""
    budget_bytes: int | None = None
    target: str = ""
    planner: str = ""
    fidelity: Mapping[int, float | None] = field(default_factory=dict)
    """By queryid."""
    not_modelled: tuple[str, ...] = ()
    elsewhere: Mapping[IndexSpec, IndexFacts] = field(default_factory=dict)
    """Indexes that might go of tables that no statement under study uses."""
    unseen: tuple[str, ...] = ()
    """Texts of the workload's statements that were not planned: too light, or not plannable. Indexes may serve them."""
    generic: dict[int, tuple[float, float] | None] = field(default_factory=dict)
    """Costs of generic plans as things are and with all chosen ones, by statement; filled as they are asked for."""
    counted: dict[int, float] = field(default_factory=dict)
    """Milliseconds that the questions of a statement stand for; filled when first asked for."""

    @property
    def measured_ms(self) -> float:
        """Milliseconds of the statements under study, those included that no index saves."""
        return max(sum(each.total_ms for each in self.statements), self.costs.measured_ms, 1e-9)

    def table(self, spec: IndexSpec) -> TableFacts:
        return self.facts.tables[spec.schema, spec.table]

    def candidate(self, spec: IndexSpec) -> Candidate | None:
        return next((each for each in self.costs.candidates if each.spec == spec), None)

    def what_if(self, spec: IndexSpec) -> WhatIf:
        return self.costs.planner.add(spec)

    def serving(self, spec: IndexSpec) -> list[Question]:
        candidate = self.candidate(spec)
        return [each for each in self.costs.questions if candidate is not None and each.number in candidate.serves]

    def upkeep(self, spec: IndexSpec) -> float:
        return self.upkeep_ms.get(spec, 0.0)

    def saveable(self, statement: int) -> float:
        """0-1 of the time that a statement's questions stand for: 1 where they stand for `saveable_ms` alone."""
        if not self.counted:
            for each in self.costs.questions:
                ms = each.ms_per_cost * self.costs.price(each, ())
                self.counted[each.statement] = self.counted.get(each.statement, 0.0) + ms
        return min(1.0, saveable_ms(self.statements[statement]) / max(self.counted[statement], 1e-9))

    def share(self, statement: int) -> float:
        """0-1 of the measured time of the statements under study."""
        return self.statements[statement].total_ms / max(sum(each.total_ms for each in self.statements), 1e-9)

    def generic_costs(self, statement: int) -> tuple[float, float] | None:
        """Total cost of the plan with unknown parameters (as things are, with all chosen ones); None where the text has
        none, or cannot be planned so."""
        if statement not in self.generic:
            self.generic[statement] = self._generic(self.statements[statement].texts[0].sql)
        return self.generic[statement]

    def _generic(self, sql: str) -> tuple[float, float] | None:
        if not _PARAMETER.search(sql):
            return None
        planner = self.costs.planner
        with_all = sorted((self.what_if(spec) for spec in self.chosen), key=lambda each: each.name)
        try:
            return planner.plan(sql).total_cost, planner.plan(sql, with_all).total_cost
        except PlanFailed:
            return None


@dataclass(frozen=True, slots=True)
class Helped:
    """One statement, its price weighted over its questions: without and with the index."""

    statement: int
    before: float
    after: float
    saved_ms: float
    values: tuple[str, ...]
    """In words, of the questions whose plans read the index."""


@dataclass(frozen=True, slots=True)
class Proof:
    spec: IndexSpec
    helped: tuple[Helped, ...]
    """What saves most first."""
    saved_ms: float
    """Of the workload's measured time, CALL_MS of each call left out, upkeep not subtracted."""
    plans: tuple[tuple[PlanNode, PlanNode], ...]
    """(without, with) of every question whose plan reads it."""
    others: tuple[IndexSpec, ...] = ()
    """What was there beside it in both plans."""
    beside: tuple[IndexSpec, ...] = ()
    """Those of `others` that must be there for it to help; empty when it helps alone."""
    stops_early: bool = False
    unknown_share: float = 0.0
    """0-1 of what it saves: in plans whose values are not known."""
    harmed: tuple[Helped, ...] = ()
    """Statements that become dearer with it, `saved_ms` below zero."""


def prove(case: Case, spec: IndexSpec) -> Proof | None:
    """Compare the questions that `spec` serves: alone with it first, then beside the other chosen ones.

    None when it does not save its upkeep and `case.min_gain`, when no statement falls by MIN_FALL, or when a call of
    those that do saves less than MIN_SAVED_MS.
    """
    alone = _measure(case, spec, ())
    if _stands(case, alone):
        return alone
    others = tuple(each for each in case.chosen if each != spec)
    if not others:
        return None
    together = _measure(case, spec, others)
    if not _stands(case, together):
        return None
    read = {
        each
        for question in case.serving(spec)
        if spec in (used := frozenset(case.costs.used(question, (*others, spec))))
        for each in used
    }
    return replace(together, beside=tuple(each for each in others if each in read))


def _stands(case: Case, proof: Proof) -> bool:
    calls = sum(case.statements[each.statement].calls for each in proof.helped)
    saved = sum(each.saved_ms for each in proof.helped)
    enough = proof.saved_ms - case.upkeep(proof.spec) >= case.min_gain * case.measured_ms
    return bool(proof.helped) and enough and saved >= MIN_SAVED_MS * calls


def _measure(case: Case, spec: IndexSpec, others: tuple[IndexSpec, ...]) -> Proof:
    costs, name = case.costs, case.what_if(spec).name
    reading: dict[int, list[Question]] = {}
    plans: list[tuple[PlanNode, PlanNode]] = []
    saved = unknown = 0.0
    fell: set[int] = set()
    for question in case.serving(spec):
        if spec not in costs.used(question, (*others, spec)):
            continue
        before, after = costs.price(question, others), costs.price(question, (*others, spec))
        reading.setdefault(question.statement, []).append(question)
        plans.append((costs.plan(question, others), costs.plan(question, (*others, spec))))
        less = case.saveable(question.statement) * question.ms_per_cost * (before - after)
        saved += less
        if after <= (1.0 - MIN_FALL) * before:
            fell.add(question.statement)
        if _PARAMETER.search(question.sql):
            unknown += max(0.0, less)
    told = [_told(case, statement, reading[statement], spec, others) for statement in sorted(reading)]
    told.sort(key=lambda each: (-each.saved_ms, each.statement))
    return Proof(
        spec=spec,
        helped=tuple(each for each in told if each.statement in fell),
        saved_ms=saved,
        plans=tuple(plans),
        others=others,
        stops_early=any(stops_early(after, name) for _, after in plans),
        unknown_share=unknown / saved if saved > 0 else 0.0,
        harmed=tuple(each for each in told if each.after > (1.0 + MAX_RISE) * each.before),
    )


def _told(
    case: Case, statement: int, reading: Sequence[Question], spec: IndexSpec, others: tuple[IndexSpec, ...]
) -> Helped:
    """The whole statement, those of its questions too that do not read the index."""
    before = after = saved = 0.0
    readers = {each.number for each in reading}
    for question in case.costs.questions:
        if question.statement != statement:
            continue
        without = case.costs.price(question, others)
        beside = case.costs.price(question, (*others, spec)) if question.number in readers else without
        before += question.weight * without
        after += question.weight * beside
        saved += case.saveable(statement) * question.ms_per_cost * (without - beside)
    return Helped(statement, before, after, saved, tuple(each.values for each in reading if each.values))
