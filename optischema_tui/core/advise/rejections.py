"""Why what was considered is not recommended, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from optischema_tui.core.advise.choose.selection import Selection
from optischema_tui.core.advise.judge.rivals import keys_of
from optischema_tui.core.advise.propose.candidate import Refusal
from optischema_tui.core.advise.reading.uses import TableKey
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.sizes import size

MOST_NAMED = 4
"""Indexes that one sentence names."""
_NOTHING = 0.0005
"""0-1 of the measured time: what rounds to 0.0 %."""


@dataclass(slots=True)
class Rejections:
    """Reasons by table, so that candidates with one reason make one sentence."""

    by_reason: dict[tuple[TableKey, str], list[IndexSpec]] = field(default_factory=dict)
    sentences: dict[tuple[TableKey, str], None] = field(default_factory=dict)

    def add(self, spec: IndexSpec, reason: str) -> None:
        specs = self.by_reason.setdefault(((spec.schema, spec.table), reason), [])
        if spec not in specs:
            specs.append(spec)

    def say(self, table: TableKey, sentence: str) -> None:
        self.sentences.setdefault((table, sentence))

    def refusals(self, refused: Iterable[Refusal]) -> None:
        for refusal in refused:
            if refusal.spec is None:
                self.say((refusal.schema, refusal.table), refusal.reason)
            else:
                self.add(refusal.spec, refusal.reason)

    def lines(self, table: TableKey | None = None) -> tuple[str, ...]:
        found = [
            f"{one_line(key[1], 60)} {_named(specs)}: {reason}"
            for (key, reason), specs in sorted(self.by_reason.items(), key=lambda each: each[0][0])
            if table in (None, key)
        ]
        return (*found, *(sentence for key, sentence in self.sentences if table in (None, key)))


def explain(selection: Selection, recommended: frozenset[IndexSpec], min_gain: float, budget: int | None) -> Rejections:
    """A reason for every candidate that was planned with and is not recommended. Asks the planner nothing: gains are
    those of the plans that the search has seen."""
    rejected = Rejections()
    for spec, error in selection.costs.unmodelled.items():
        rejected.add(spec, f"cannot be modelled: {error.sentence}")
    for spec, reason in _reasons(selection, recommended, min_gain, budget):
        rejected.add(spec, reason)
    return rejected


def _reasons(
    selection: Selection, recommended: frozenset[IndexSpec], min_gain: float, budget: int | None
) -> Iterator[tuple[IndexSpec, str]]:
    costs = selection.costs
    total = max(costs.measured_ms, 1e-9)
    have = costs.mask(selection.chosen, selection.dropped)
    now, then = costs.ceiling(costs.existing), costs.ceiling(have)
    used = 0
    for ledger in costs.ledgers:
        for atom in ledger.atoms:
            used |= atom.used
    for bit, candidate in enumerate(costs.candidates):
        spec = candidate.spec
        if candidate.existing is not None or spec in recommended:
            continue
        alone = (now - costs.ceiling(costs.existing | 1 << bit)) / total
        more = (then - costs.ceiling(have | 1 << bit)) / total
        if spec in selection.chosen:
            yield spec, "not proved: no statement's planned cost falls enough with it"
        elif not used >> bit & 1:
            yield spec, "the planner does not use it"
        elif spec in selection.over_budget and budget is not None:
            yield spec, f"exceeds the budget of {size(budget)} ({size(costs.size(spec))} more, saves {_share(more)})"
        elif alone < min_gain:
            yield spec, f"gain too small: {_share(alone)} of the measured time"
        else:
            rivals = [each for each in selection.chosen if (each.schema, each.table) == (spec.schema, spec.table)]
            beside = " and ".join(keys_of(each) for each in rivals[:3]) or "the others"
            much = f"too little beside {beside}: {_share(more)} of the measured time" if more >= _NOTHING else ""
            yield spec, f"adds {much or f'nothing beside {beside}'}"


def _share(value: float) -> str:
    return f"{max(0.0, value):.1%}"


def _named(specs: list[IndexSpec]) -> str:
    shown = sorted(specs, key=lambda spec: (len(spec.columns), len(spec.include), keys_of(spec)))
    names = ", ".join(keys_of(spec) for spec in shown[:MOST_NAMED])
    return names + (f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else "")
