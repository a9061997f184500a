"""How the rows of a table spread over the values of a key: what decides how far a B-tree can merge equal keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, expm1, floor, log2

from optischema_tui.core.lab.arrays import parse_array
from optischema_tui.core.lab.image import ColumnStatistics

UNKNOWN_DISTINCT = 200.0
"""Values that the planner assumes of what has no statistics."""
_SMALLEST_MEAN = 1e-6
_RANGES = 20
_SKEWED = 4.0
"""Ratio of wide ranges to narrow ones from which a column is skewed."""
_UNSEEN = 2.5
"""Times as many values as ANALYZE counted that are still believed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`count` possible keys, each of which a row has with probability `share`; rows choose independently."""

    count: float
    share: float


Spread = tuple[Kind, ...]
"""Kinds of keys; the sum of count x share is 1. NULL is a key like any other."""

ONE_KEY: Spread = (Kind(1.0, 1.0),)


def unique(rows: float) -> Spread:
    """Every row has a key of its own."""
    return _rare(max(1.0, rows), 1.0, max(1.0, rows))


def evenly(distinct: float, rows: float) -> Spread:
    """`distinct` keys were seen among `rows`, none more often than another."""
    return _rare(min(max(1.0, distinct), max(1.0, rows)), 1.0, max(1.0, rows))


def spread(row: ColumnStatistics, rows: float, *, nulls: bool = True, integers: bool = False) -> Spread:
    """The spread of one column as ANALYZE describes it, over a table of `rows`; `nulls` False leaves NULL out.

    Of `integers` that some ranges hold far more of than others, ANALYZE sees too few rare ones; the ranges tell more.
    """
    rows = max(1.0, rows)
    distinct = row.n_distinct if row.n_distinct > 0 else -row.n_distinct * rows
    distinct = distinct or UNKNOWN_DISTINCT
    null_share = min(1.0, max(0.0, row.null_frac)) if nulls else 0.0
    scale = 1.0
    if not nulls and row.null_frac < 1:
        scale = 1 / (1 - row.null_frac)
        rows = max(1.0, rows * (1 - row.null_frac))
    common = [float(share) * scale for share in parse_array(row.common_freqs or "{}")]
    kinds = [Kind(1.0, null_share)] if null_share > 0 else []
    kinds += [Kind(1.0, share) for share in common if share > 0]
    rest = 1.0 - null_share - sum(common)
    others = distinct - len(common)
    if rest > 1e-4 and rest * rows >= 1:
        rare = _rare(max(1.0, min(others, rest * rows)), rest, rows)
        kinds += (_by_ranges(row, rest, rows, others) if integers else ()) or rare
    return _merged(kinds) or ONE_KEY


def together(first: Spread, second: Spread) -> Spread:
    """The spread of pairs of keys that know nothing of each other."""
    return _merged([Kind(a.count * b.count, a.share * b.share) for a in first for b in second])


def distinct_among(kinds: Spread, rows: float) -> float:
    """Different keys that `rows` rows are expected to have."""
    return sum(-kind.count * expm1(-kind.share * rows) for kind in kinds)


def sameness(kinds: Spread) -> float:
    """How probable it is that two rows have the same key."""
    return sum(kind.count * kind.share**2 for kind in kinds)


def with_distinct(kinds: Spread, rows: float, distinct: float) -> Spread:
    """`kinds` with keys split or joined evenly so that `rows` rows have `distinct` different ones."""
    rows = max(1.0, rows)
    distinct = min(max(1.0, distinct), rows)
    if distinct > 0.999 * rows:
        return unique(rows)
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        if distinct_among(_scaled(kinds, middle), rows) < distinct:
            low = middle
        else:
            high = middle
    return _scaled(kinds, high)


def _scaled(kinds: Spread, power: float) -> Spread:
    factor = 2.0**power
    return tuple(Kind(kind.count * factor, kind.share / factor) for kind in kinds)


def _rare(distinct: float, share: float, rows: float) -> Spread:
    """Keys of which `distinct` were seen in `share` of `rows`: there may be more, as rows choose at random.

    With a mean of m rows per key seen, the rate t of a Poisson law without its zero solves t / (1 - exp(-t)) = m.
    """
    mean = share * rows / distinct
    rate = max(_SMALLEST_MEAN, mean)
    if mean <= 1.0 + _SMALLEST_MEAN:
        rate = _SMALLEST_MEAN
    elif mean < 20.0:
        for _ in range(50):
            rate = mean * -expm1(-rate)
    possible = distinct / -expm1(-rate)
    return (Kind(possible, share / possible),)


def _by_ranges(row: ColumnStatistics, rest: float, rows: float, others: float) -> Spread:
    """Values of each range of the histogram as frequent as each other, every integer being one of them.

    Empty where the ranges are about as wide as each other, for then the count of ANALYZE is good, and where the
    integers can hardly all be in use.
    """
    try:
        bounds = [int(bound) for bound in parse_array(row.histogram or "{}")]
    except ValueError:
        return ()  # a hash index over text: its entries are integers, the statistics those of the text
    widths = [max(1, high - low) for low, high in pairwise(bounds)]
    if len(widths) < _RANGES:
        return ()
    ordered = sorted(widths)
    if ordered[len(ordered) * 9 // 10] < _SKEWED * ordered[len(ordered) // 10]:
        return ()
    kinds = tuple(Kind(float(width), rest / len(widths) / width) for width in widths)
    seen = distinct_among(kinds, rows)
    return kinds if others < seen < _UNSEEN * others else ()


def _merged(kinds: Sequence[Kind]) -> Spread:
    """Keys of about the same probability as one kind, an octave each: enough for sizes, and few to calculate with."""
    octaves: dict[int, list[Kind]] = defaultdict(list)
    for kind in kinds:
        if kind.share > 0:
            octaves[floor(log2(kind.share))].append(kind)
    merged = []
    for _, same in sorted(octaves.items(), reverse=True):
        count = sum(kind.count for kind in same)
        merged.append(Kind(count, sum(kind.count * kind.share for kind in same) / count))
    return tuple(merged)


def poisson(mean: float) -> list[float]:
    """Probabilities of 0, 1, 2, ... events; the list ends where the rest is negligible. `mean` up to 100."""
    chance, all_of_it = exp(-mean), 0.0
    chances: list[float] = []
    while all_of_it < 1 - 1e-6 and len(chances) < 200:
        chances.append(chance)
        all_of_it += chance
        chance *= mean / len(chances)
    return chances
