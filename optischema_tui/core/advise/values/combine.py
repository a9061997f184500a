"""Few combinations of several slots' options that together show each option, with the weights of the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from random import Random

from optischema_tui.core.advise.values.slots import Option, Slot

_USUAL = 1.5
"""Times the weight of an average option."""
_FITTING = 0.1
"""A weight may be off by so much."""
_SHUFFLES = 12


@dataclass(frozen=True, slots=True)
class Combination:
    options: tuple[Option, ...]
    """One of each slot."""
    weight: float
    """All combinations' sum to 1."""


def combinations(slots: Sequence[Slot], most: int, random: Random) -> list[Combination]:
    """At most `most`, at least one. Slots are taken to be independent: that the common value of one column goes with
    the common value of another is not assumed, so the options of all slots but one come in a random order. Only what
    most callers ask of each goes together.
    """
    widths = [len(slot.options) for slot in slots if len(slot.options) > 1]
    count = max(1, min(most, prod(widths) if len(widths) > 1 else max(widths, default=1)))
    best: tuple[float, list[tuple[int, ...]], list[float]] | None = None
    for _ in range(_SHUFFLES):
        rows = _rows(slots, count, random)
        weights = _weights(rows, slots)
        off = _misfit(rows, weights, slots)
        if best is None or off < best[0]:
            best = off, rows, weights
        if off <= _FITTING:
            break
    assert best is not None
    return [
        Combination(tuple(slot.options[chosen] for slot, chosen in zip(slots, row, strict=True)), weight)
        for row, weight in zip(best[1], best[2], strict=True)
    ]


def _rows(slots: Sequence[Slot], count: int, random: Random) -> list[tuple[int, ...]]:
    """Up to `count` different rows of options, one per slot."""
    leading = max(range(len(slots)), key=lambda at: (len(slots[at].options), -at))
    columns = [_spread([option.weight for option in slot.options], count, random) for slot in slots]
    usual = _usual(slots[leading], count)
    for at, column in enumerate(columns):
        if at == leading:
            continue
        random.shuffle(column)
        likewise = _usual(slots[at], count)
        if usual is not None and likewise is not None:
            here, there = columns[leading].index(usual), column.index(likewise)
            column[here], column[there] = column[there], column[here]
    return list(dict.fromkeys(zip(*columns, strict=True)))


def _usual(slot: Slot, count: int) -> int | None:
    """The option that callers ask for far more often than for others."""
    best = max(range(len(slot.options)), key=lambda at: slot.options[at].weight)
    return best if slot.options[best].weight > _USUAL / count else None


def heaviest(slots: Sequence[Slot]) -> Combination:
    """The options that select most, one of each slot."""
    return Combination(tuple(slot.options[0] for slot in slots), 1.0)


def _spread(weights: Sequence[float], count: int, random: Random) -> list[int]:
    """`count` indexes into `weights`: each once as long as there is room, the further ones as the weights say."""
    found = sorted(range(len(weights)), key=lambda at: -weights[at])[:count]
    return sorted(found + random.choices(range(len(weights)), weights, k=count - len(found)))


def _weights(rows: Sequence[tuple[int, ...]], slots: Sequence[Slot]) -> list[float]:
    """Weights that give each option about its own in sum (iterative proportional fitting)."""
    weights = [1.0 / len(rows)] * len(rows)
    for _ in range(20):
        for at, slot in enumerate(slots):
            sums = _sums(rows, weights, at)
            whole = sum(slot.options[chosen].weight for chosen in sums)
            weights = [
                weight * slot.options[row[at]].weight / whole / max(sums[row[at]], 1e-12)
                for row, weight in zip(rows, weights, strict=True)
            ]
    total = sum(weights)
    return [weight / total for weight in weights]


def _sums(rows: Sequence[tuple[int, ...]], weights: Sequence[float], at: int) -> dict[int, float]:
    """What the options of one slot weigh in sum."""
    sums: dict[int, float] = {}
    for row, weight in zip(rows, weights, strict=True):
        sums[row[at]] = sums.get(row[at], 0.0) + weight
    return sums


def _misfit(rows: Sequence[tuple[int, ...]], weights: Sequence[float], slots: Sequence[Slot]) -> float:
    """The largest difference between what an option should weigh and what it does."""
    return max(
        abs(_sums(rows, weights, at).get(chosen, 0.0) - option.weight)
        for at, slot in enumerate(slots)
        for chosen, option in enumerate(slot.options)
    )
