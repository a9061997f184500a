"""What the judge needs of the choice: prices and plans of questions under sets of indexes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from optischema_tui.core.advise.choose.question import Question
from optischema_tui.core.advise.planner import Planner
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.workload.plan import PlanNode


class Costs(Protocol):
    """Answers follow from earlier ones where they can; else the planner is asked."""

    @property
    def questions(self) -> Sequence[Question]: ...

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Those that the planner could model, and the existing ones."""

    @property
    def planner(self) -> Planner: ...

    @property
    def measured_ms(self) -> float:
        """Milliseconds of the workload as things are."""

    def size(self, spec: IndexSpec) -> int:
        """Bytes to add."""

    def price(self, question: Question, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()) -> float:
        """In planner units, with `specs` added and the existing `without` gone."""

    def used(
        self, question: Question, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()
    ) -> Collection[IndexSpec]:
        """Those of the candidates, existing ones too, that the plan reads."""

    def plan(
        self, question: Question, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()
    ) -> PlanNode: ...

    def gain(self, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()) -> float:
        """Milliseconds of the workload saved, upkeep counted; negative when it gets worse."""
