"""The state of a search for the best set: what a set is worth, which sets are allowed, and the best so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optischema_tui.core.advise.choose import program
from optischema_tui.core.advise.choose.costs import Costs
from optischema_tui.core.advise.choose.ledger import bits
from optischema_tui.core.models import IndexSpec

_TIE = 1e-7
"""Of the measured time, for each key or included column: between equals the narrower set wins."""
_MOST_CUTS = 24
"""Of each question, in the program that bounds."""


class Search:
    """What is minimised: the workload's milliseconds, upkeep, and for each new index a charge of `min_gain` of the
    measured time. So the best set has no index whose loss would cost less than that."""

    def __init__(
        self,
        costs: Costs,
        budget: int | None,
        min_gain: float,
        tolerance: float,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.costs = costs
        self.budget = budget
        self.stop = stop
        self.total = costs.measured_ms
        self.tolerance = tolerance * self.total
        """Milliseconds below which a question is not asked again."""
        self.charge = [0.0] * len(costs.candidates)
        """Milliseconds, by bit."""
        self.affordable = 0
        """Mask of the candidates that fit the budget alone."""
        self.narrow = 0
        """Mask of the candidates with a single column."""
        for bit, candidate in enumerate(costs.candidates):
            width = len(candidate.spec.columns) + len(candidate.spec.include)
            if candidate.existing is None:
                self.charge[bit] = self.total * (min_gain + _TIE * width)
            if budget is None or costs.sizes[bit] <= budget:
                self.affordable |= 1 << bit
            if width == 1:
                self.narrow |= 1 << bit
        self.fixed = costs.existing
        """Mask of the existing indexes that are never dropped: that saves nothing, or the planner cannot do without."""
        if costs.hides:
            self.fixed = sum(1 << bit for bit in bits(costs.existing) if costs.upkeep[bit] <= 0)
        self._prefixes = _prefixes(costs)
        self.best = costs.existing
        self.best_value = self.value(costs.existing)

    def pool(self) -> int:
        """Every affordable candidate that some plan has read, and its own beginnings."""
        mask = 0
        for ledger in self.costs.ledgers:
            for used in ledger.cheapest:
                mask |= used
        for bit in bits(mask):
            mask |= self._prefixes[bit]
        return mask & self.affordable

    def beginnings(self, bit: int) -> int:
        """Mask of the new candidates whose keys are a beginning of its keys, all else alike; its own bit too."""
        return self._prefixes[bit]

    def fits(self, mask: int) -> bool:
        return self.budget is None or self.costs.size_of(mask) <= self.budget

    def charges(self, mask: int) -> float:
        """Milliseconds that having `mask` costs whatever the questions do."""
        return sum(self.charge[bit] for bit in bits(mask)) + self.costs.upkeep_of(mask)

    def value(self, mask: int) -> float:
        costs = self.costs
        return sum(costs.time_ms(place, mask) for place in range(len(costs.questions))) + self.charges(mask)

    def consider(self, mask: int) -> None:
        """Make `mask` the best set when it is."""
        if self.fits(mask):
            value = self.value(mask)
            if value < self.best_value:
                self.best, self.best_value = mask, value

    def room(self, place: int, given: int) -> float:
        """Milliseconds by which the time of a question with `given` is unknown."""
        ledger = self.costs.ledgers[place]
        given &= ledger.relevant
        return self.costs.weights[place] * (ledger.ceiling(given) - ledger.floor(given))

    def solve(
        self, budget: int | None, *, gap: float = 1e-4, most_nodes: int = 500, at_once: bool = False
    ) -> int | None:
        """The best set over the plans known, or None when stopped in it (unless `at_once`).

        Existing indexes without upkeep are left alone.
        """
        costs = self.costs
        columns = [
            program.undominated(
                [(used, weight * atom.price) for used, atom in ledger.cheapest.items()], costs.sizes, budget
            )
            for weight, ledger in zip(costs.weights, costs.ledgers, strict=True)
        ]
        charge = [tie + upkeep for tie, upkeep in zip(self.charge, costs.upkeep, strict=True)]
        stop = self.stop if not at_once else lambda: False
        solved = program.solve(columns, charge, costs.sizes, budget, gap=gap, most_nodes=most_nodes, stop=stop)
        if solved is None:
            return None
        return solved | sum(1 << bit for bit in bits(costs.existing) if costs.upkeep[bit] <= 0)  # no gain in a drop

    def floor(self) -> float:
        """Milliseconds that no set can beat, budget or not."""
        costs = self.costs
        return sum(
            weight * ledger.floor(ledger.relevant & self.affordable)
            for weight, ledger in zip(costs.weights, costs.ledgers, strict=True)
        )

    def bound(self, charge: Sequence[float]) -> tuple[float, int]:
        """(milliseconds that no set within the budget can beat, the set that might reach them as far as is known)."""
        costs = self.costs
        floors: list[float] = []
        cuts: list[program.Cut] = []
        for place, (weight, ledger) in enumerate(zip(costs.weights, costs.ledgers, strict=True)):
            whole = ledger.relevant & self.affordable
            floors.append(weight * ledger.floor(whole))
            own = [
                program.Cut(place, weight * atom.price, floors[place], whole & ~atom.given)
                for atom in ledger.atoms
                if weight * atom.price > floors[place] + self.tolerance and whole & ~atom.given
            ]
            # A cut with little relief says most; the others only slow the solver.
            own.sort(key=lambda cut: (cut.relief.bit_count(), -cut.least, cut.relief))
            cuts += own[:_MOST_CUTS]
        found = program.least_possible(cuts, floors, charge, costs.sizes, self.budget, stop=self.stop)
        return found if found is not None else (sum(floors), 0)


def _prefixes(costs: Costs) -> list[int]:
    """By bit, the mask of the new candidates whose keys are a beginning of its keys, all else alike."""
    found: dict[tuple[object, ...], int] = {}
    for bit, candidate in enumerate(costs.candidates):
        if candidate.existing is None and not candidate.spec.include:
            found[_start(candidate.spec, len(candidate.spec.columns))] = 1 << bit
    masks = []
    for candidate in costs.candidates:
        starts = (_start(candidate.spec, width) for width in range(1, len(candidate.spec.columns) + 1))
        masks.append(sum(found.get(start, 0) for start in starts))
    return masks


def _start(spec: IndexSpec, width: int) -> tuple[object, ...]:
    """The first keys of an index, in a form that compares equal whether defaults are written out or not."""
    keys = tuple(spec.key(position) for position in range(width))
    return spec.schema, spec.table, spec.method, spec.predicate, keys
