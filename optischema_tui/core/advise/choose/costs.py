"""Prices of questions under sets of indexes: the planner is asked only what does not follow from earlier answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from optischema_tui.core.advise.choose.ledger import Atom, Ledger, bits
from optischema_tui.core.advise.choose.question import Price, Question, total_cost
from optischema_tui.core.advise.planner import IndexName, Planner, WhatIf
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.workload.plan import PlanNode

MOST_PLANS = 4000
"""Plan trees kept; prices are kept for ever, a tree beyond these is asked for again when somebody wants to see it."""
_BATCH = 64


class Costs:
    """Prices, plans and gains for the search and for the stages after it.

    Inside, a set of candidates is a bit mask; the public methods by specs take any of the candidates given.
    A question that the planner refuses in mid-search keeps its baseline from then on (`failed`).
    """

    def __init__(
        self,
        questions: Sequence[Question],
        planner: Planner,
        *,
        price: Price = total_cost,
        upkeep_ms: Mapping[IndexSpec, float] | None = None,
    ) -> None:
        self.questions = tuple(questions)
        self.planner = planner
        self.candidates: list[Candidate] = []
        """By bit; those that the planner could not model are not among them."""
        self.sizes: list[int] = []
        """Bytes to add, by bit: 0 for an index that exists."""
        self.upkeep: list[float] = []
        """Milliseconds, by bit."""
        self.existing = 0
        """Mask of the indexes that are there already."""
        self.unmodelled: dict[IndexSpec, LabError] = {}
        self.failed: dict[int, PlanFailed] = {}
        """Questions that could not be planned under some set, by number."""
        self.guard: Callable[[], None] = lambda: None
        """Called before each question to the planner; may raise to end a search."""
        self.weights = [question.ms_per_cost for question in questions]
        self.ledgers: list[Ledger] = []
        self.affected: list[tuple[int, ...]] = []
        """Places of the questions that an index serves, by bit."""
        self._price = price
        self._upkeep_ms = upkeep_ms or {}
        self._whatifs: list[WhatIf | None] = []
        self._bits: dict[IndexSpec, int] = {}
        self._named: dict[str, int] = {}
        self._plans: OrderedDict[tuple[int, int], PlanNode] = OrderedDict()
        self.hides = False
        """Whether the planner can plan without an index that exists; known once `admit` is done."""
        self._places = {question.number: place for place, question in enumerate(questions)}

    # --- candidates

    def admit(
        self, candidates: Sequence[Candidate], progress: Callable[[int, int], None] = lambda done, of: None
    ) -> None:
        """Make candidates known to the planner, in batches; call once. What `guard` raises between batches passes
        through; the candidates of earlier batches are known then."""
        served = [each for each in candidates if each.existing is not None or self._serves(each)]
        new = [each.spec for each in served if each.existing is None]
        made: dict[IndexSpec, WhatIf] = {}
        try:
            for start in range(0, len(new), _BATCH):
                self.guard()
                batch = new[start : start + _BATCH]
                for spec, answer in zip(batch, self.planner.add_many(batch), strict=True):
                    if isinstance(answer, LabError):
                        self.unmodelled[spec] = answer
                    else:
                        made[spec] = answer
                progress(min(start + _BATCH, len(new)), len(new))
        finally:
            for each in served:
                if each.spec not in self._bits and (each.existing is not None or each.spec in made):
                    self._take(each, made.get(each.spec))
            self._open_ledgers()
        self.hides = not self.existing or self._can_hide()

    def _serves(self, candidate: Candidate) -> tuple[int, ...]:
        return tuple(sorted(self._places[number] for number in candidate.serves if number in self._places))

    def _take(self, candidate: Candidate, made: WhatIf | None) -> None:
        bit = len(self.candidates)
        self.candidates.append(candidate)
        self._bits[candidate.spec] = bit
        self._whatifs.append(made)
        self.sizes.append(made.size_bytes if made is not None else 0)
        self.upkeep.append(self._upkeep_ms.get(candidate.spec, 0.0))
        self.affected.append(self._serves(candidate))
        name = made.name if made is not None else candidate.existing.name if candidate.existing is not None else ""
        self._named[name] = self._named.get(name, 0) | 1 << bit
        if candidate.existing is not None:
            self.existing |= 1 << bit

    def _open_ledgers(self) -> None:
        relevant = [0] * len(self.questions)
        for bit, places in enumerate(self.affected):
            for place in places:
                relevant[place] |= 1 << bit
        for place, question in enumerate(self.questions):
            start = self.existing & relevant[place]
            used = self._used(question.baseline) & relevant[place]
            self.ledgers.append(Ledger(relevant[place], Atom(start, used & start, self._price(question.baseline))))
            self._keep(place, start, question.baseline)

    def _can_hide(self) -> bool:
        """Whether the planner can plan without a real index: one call tells."""
        read = next((bit for bit in bits(self.existing) if self.affected[bit]), None)
        if read is None:
            return True
        try:
            self.planner.plan(self.questions[self.affected[read][0]].sql, (), without=self._names(1 << read))
        except PlanFailed:
            return True
        except LabError:
            return False
        return True

    # --- by masks

    @property
    def calls(self) -> int:
        return self.planner.calls

    def ask(self, place: int, given: int) -> Atom:
        """The plan of the question at `place` with `given`; asks the planner only when nothing known tells."""
        ledger = self.ledgers[place]
        given &= ledger.relevant
        known = ledger.exact(given)
        if known is not None:
            return known
        if self.questions[place].number in self.failed:
            return ledger.start
        missing = self.existing & ledger.relevant & ~given
        if missing and not self.hides:
            whole = self.ask(place, given | missing)
            return whole if not whole.used & ~given else Atom(given, 0, float("inf"))
        self.guard()
        try:
            plan = self._plan(place, given)
        except PlanFailed as error:
            self.failed[self.questions[place].number] = error
            return ledger.start
        atom = Atom(given, self._used(plan) & given, self._price(plan))
        ledger.record(atom)
        self._keep(place, given, plan)
        return atom

    def _plan(self, place: int, given: int) -> PlanNode:
        question = self.questions[place]
        whatifs = [whatif for bit in bits(given) if (whatif := self._whatifs[bit]) is not None]
        without = self._names(self.existing & self.ledgers[place].relevant & ~given)
        return self.planner.plan(question.sql, whatifs, without=without)

    def _names(self, mask: int) -> list[IndexName]:
        facts = [self.candidates[bit].existing for bit in bits(mask)]
        return [(each.schema, each.name) for each in facts if each is not None]

    def _used(self, plan: PlanNode) -> int:
        mask = 0
        for name in plan.indexes():
            mask |= self._named.get(name, 0)
        return mask

    def _keep(self, place: int, given: int, plan: PlanNode) -> None:
        self._plans[place, given] = plan
        while len(self._plans) > MOST_PLANS + len(self.questions):
            self._plans.popitem(last=False)

    def time_ms(self, place: int, given: int) -> float:
        """Milliseconds of the workload that the question at `place` takes with `given`."""
        return self.weights[place] * self.ask(place, given).price

    def upkeep_of(self, mask: int) -> float:
        """Milliseconds."""
        return sum(self.upkeep[bit] for bit in bits(mask))

    def size_of(self, mask: int) -> int:
        """Bytes to add."""
        return sum(self.sizes[bit] for bit in bits(mask))

    def objective(self, mask: int) -> float:
        """Milliseconds of the workload with exactly the candidates `mask`, upkeep included."""
        return sum(self.time_ms(place, mask) for place in range(len(self.questions))) + self.upkeep_of(mask)

    def ceiling(self, mask: int) -> float:
        """At most this is `objective(mask)`, as far as is known without asking."""
        known = (
            weight * ledger.ceiling(mask & ledger.relevant)
            for weight, ledger in zip(self.weights, self.ledgers, strict=True)
        )
        return sum(known) + self.upkeep_of(mask)

    @property
    def measured_ms(self) -> float:
        """Milliseconds of the workload as things are, without upkeep."""
        return sum(weight * ledger.start.price for weight, ledger in zip(self.weights, self.ledgers, strict=True))

    # --- by specs

    def mask(self, specs: Iterable[IndexSpec], without: Iterable[IndexSpec] = ()) -> int:
        """The candidates `specs` and all existing ones but `without`. Raises KeyError for one that is not known."""
        mask = self.existing
        for spec in specs:
            mask |= 1 << self._bits[spec]
        for spec in without:
            mask &= ~(1 << self._bits[spec])
        return mask

    def specs(self, mask: int) -> tuple[IndexSpec, ...]:
        return tuple(self.candidates[bit].spec for bit in bits(mask))

    def knows(self, spec: IndexSpec) -> bool:
        return spec in self._bits

    def price(self, question: Question, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()) -> float:
        """In planner units, as `price` has it, with `specs` added and the existing `without` gone."""
        return self.ask(self._places[question.number], self.mask(specs, without)).price

    def used(
        self, question: Question, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()
    ) -> tuple[IndexSpec, ...]:
        """Those of the candidates (existing ones too) that the plan reads."""
        return self.specs(self.ask(self._places[question.number], self.mask(specs, without)).used)

    def plan(self, question: Question, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()) -> PlanNode:
        """The plan itself; asked for again only when it is no longer kept."""
        place = self._places[question.number]
        atom = self.ask(place, self.mask(specs, without))
        if (place, atom.given) not in self._plans:
            self._keep(place, atom.given, self._plan(place, atom.given))
        return self._plans[place, atom.given]

    def size(self, spec: IndexSpec) -> int:
        """Bytes to add."""
        return self.sizes[self._bits[spec]]

    def gain(self, specs: Collection[IndexSpec], without: Collection[IndexSpec] = ()) -> float:
        """Milliseconds of the workload saved, upkeep counted; negative when it gets worse."""
        return self.objective(self.existing) - self.objective(self.mask(specs, without))
