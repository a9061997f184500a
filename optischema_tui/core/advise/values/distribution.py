"""Which values a column holds, and how often, as its statistics tell."""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from optischema_tui.core.advise.values.scale import Scale, scale_of
from optischema_tui.core.models import ColumnFacts

LEVEL = 2.5
"""Values whose frequencies differ by less than this factor are one to an index."""
MEMBER = "{}"
"""The transform of a JSON object into objects of one member each."""
_HALVINGS = 60
_LETTER = 8.0
"""By how much a further letter narrows a prefix where the histogram tells no more."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Values of about one frequency, by one of them."""

    value: str
    weight: float
    """0-1: how likely a caller asks for one of them. Half of the callers ask for values as often as rows hold them,
    half for any value alike (a queue is asked for what is new, not for what is done)."""
    share: float
    """0-1: of the rows, that hold `value`."""
    listed: bool
    """`share` is measured; else it is that of an average value."""


class Distribution:
    """The values of one column, perhaps as an expression makes them. Shares are of all rows, NULLs included."""

    def __init__(
        self,
        common: Sequence[tuple[str, float]],
        bounds: Sequence[str],
        *,
        null_frac: float,
        distinct: float,
        scale: Scale | None,
    ) -> None:
        self.common = sorted(common, key=lambda each: (-each[1], each[0]))
        self.bounds = list(bounds)
        self.scale = scale
        self.rest = max(0.0, 1.0 - null_frac - sum(share for _, share in common)) if bounds else 0.0
        """Share of the rows whose values are not listed."""
        self.filled = max(1e-9, self.rest + sum(share for _, share in common))
        self.unlisted = max(1.0, distinct - len(common)) if bounds else 0.0
        """How many values are not listed."""
        self._shares = dict(self.common)
        self._numbers, self._atoms = self._as_numbers()
        self._listed = list(accumulate(share for _, share in self._atoms))
        self._steps = [] if self.scale else self._in_order()

    @property
    def known(self) -> bool:
        return bool(self.common or self.bounds)

    def strata(self, most: int, random: Random) -> tuple[Stratum, ...]:
        """At most `most` (1 or more), the most common value's first; weights sum to 1. Empty when nothing is known."""
        found = [Stratum(value, self._weight(share, 1.0), share, True) for value, share in self.common]
        if self.bounds:
            each = self.rest / self.unlisted
            weight = self._weight(self.rest, self.unlisted)
            found.append(Stratum(self.typical(random), weight, each, False))
        if not found:
            return ()
        top = max(one.share for one in found)
        low = max(min(one.share for one in found), top * 1e-9, 1e-12)
        span = math.log(max(top, low) / low)
        levels = most if span > math.log(LEVEL) else 1
        bins: dict[int, list[Stratum]] = {}
        for one in found:
            depth = math.log(top / max(one.share, low)) if top > low else 0.0
            bins.setdefault(min(levels - 1, int(depth / max(span, 1e-9) * levels)), []).append(one)
        return tuple(_middle(bins[level]) for level in sorted(bins))

    def typical(self, random: Random) -> str:
        """A value that is not listed, from the middle half of the histogram; else one of the listed."""
        if self.bounds:
            return self.bounds[int(len(self.bounds) * (0.25 + 0.5 * random.random()))]
        return self.common[len(self.common) // 2][0]

    def several(self, count: int, random: Random) -> list[str]:
        """Up to `count` different values, the listed and the others as often as rows hold them."""
        listed = min(len(self.common), max(count - len(self.bounds), round(count * (1 - self.rest / self.filled))))
        found = [value for value, _ in self.common[:listed]]
        wanted = count - listed
        if wanted > 0 and self.bounds:
            start = random.random()
            step = len(self.bounds) / wanted
            if step >= 1 or self.scale is None:
                found += [self.bounds[min(len(self.bounds) - 1, int((at + start) * step))] for at in range(wanted)]
            else:
                found += [self.quantile((at + start) / wanted) for at in range(wanted)]
        return list(dict.fromkeys(found))

    def quantile(self, share: float) -> str:
        """The value that a `share` (0-1) of the rows without NULL is at or below."""
        goal = min(1.0, max(0.0, share)) * self.filled
        if self.scale is not None:
            low, high = self.ends()
            for _ in range(_HALVINGS if goal < self.filled else 0):
                middle = (low + high) / 2
                low, high = (middle, high) if self.below(middle) < goal else (low, middle)
            return self.scale.text(high, self.scale.coarse(*self.ends()))
        reached = 0.0
        for value, mass in self._steps:
            reached += mass
            if reached >= goal * (1 - 1e-9):
                return value
        return self._steps[-1][0]

    def below(self, number: float) -> float:
        """The share of the rows at or below `number`; only for a column with a scale."""
        listed = bisect_right(self._atoms, (number, math.inf))
        return (self._listed[listed - 1] if listed else 0.0) + self.rest * self._position(number)

    def ends(self) -> tuple[float, float]:
        """The least and the greatest number; only for a column with a scale."""
        numbers = [*self._numbers, *(number for number, _ in self._atoms)]
        return min(numbers), max(numbers)

    def share(self, value: str) -> float:
        """Of the rows that hold `value`, as the statistics tell."""
        return self._shares.get(value, self.rest / self.unlisted if self.unlisted else 0.0)

    def starting(self, prefix: str) -> float:
        """About the share of the rows whose value starts with `prefix`, itself like the beginning of a value."""
        known = sum(share for value, share in self.common if value.startswith(prefix))
        if not self.bounds:
            return known
        alike = self._alike(prefix)
        shorter = prefix
        while alike <= 1 and shorter and self._alike(shorter[:-1]) <= 1:
            shorter = shorter[:-1]
        return known + self.rest * max(1, alike) / len(self.bounds) / _LETTER ** (len(prefix) - len(shorter))

    def prefix(self, value: str, share: float) -> str:
        """The shortest beginning of `value` that at most a `share` of the rows start with. Where only one bound of the
        histogram does, its last character is another one: a planner that counts the bounds would see too many rows.
        """
        long = next((cut for cut in range(1, len(value)) if self.starting(value[:cut]) <= share), len(value))
        prefix = value[:long]
        if self.rest * 1.5 / max(1, len(self.bounds)) < share or self._alike(prefix) != 1:
            return prefix
        last = prefix[-1:]
        others = [chr(ord(last) + step) for step in (1, -1, 2, -2, 3, -3)] if last.isalnum() and last.isascii() else []
        changed = (prefix[:-1] + other for other in others if other.isalnum())
        return next((each for each in changed if not self._alike(each)), prefix)

    def _alike(self, prefix: str) -> int:
        return sum(value.startswith(prefix) for value in self.bounds)

    def _weight(self, share: float, values: float) -> float:
        return 0.5 * share / self.filled + 0.5 * values / (len(self.common) + self.unlisted)

    def _as_numbers(self) -> tuple[list[float], list[tuple[float, float]]]:
        """The histogram and the listed values (with their shares) as numbers; without a scale, or when one of them
        is no number, there is none from here on.
        """
        if self.scale is None:
            return [], []
        numbers = [number for value in self.bounds if (number := self.scale.number(value)) is not None]
        atoms = [(number, share) for value, share in self.common if (number := self.scale.number(value)) is not None]
        if len(numbers) == len(self.bounds) and len(atoms) == len(self.common) and (numbers or atoms):
            return numbers, sorted(atoms)
        self.scale = None
        return [], []

    def _in_order(self) -> list[tuple[str, float]]:
        """The values in about their column's order: the histogram's own, the listed put in between by code points."""
        mass = self.rest / max(1, len(self.bounds))
        found = [(value, mass) for value in self.bounds]
        places = sorted(self.bounds)
        for value, share in sorted(self.common, reverse=True):
            found.insert(bisect_left(places, value), (value, share))
        return found

    def _position(self, number: float) -> float:
        """0-1: where `number` stands in the histogram."""
        right = bisect_right(self._numbers, number)
        if right in (0, len(self._numbers)):
            return float(right > 0)
        low, high = self._numbers[right - 1 : right + 1]
        return (right - 1 + (number - low) / (high - low)) / (len(self._numbers) - 1)


def of_column(column: ColumnFacts, rows: float, transform: str = "", excluded: Collection[str] = ()) -> Distribution:
    """The distribution of a column of a table of `rows` rows, or of an expression of it.

    `transform`: '' the column itself, 'lower', 'upper', 'date' its first ten characters, `->>key` that key of a JSON
    object, MEMBER each of its members. Of an expression the histogram is taken as a sample of rows. `excluded` values
    count like NULLs.
    """
    distinct = column.n_distinct if column.n_distinct >= 0 else -column.n_distinct * max(rows, 1.0)
    listed = list(zip(column.most_common_vals, column.most_common_freqs, strict=False))
    common = [each for each in listed if each[0] not in excluded]
    null_frac = column.null_frac + sum(share for value, share in listed if value in excluded)
    if not transform:
        return Distribution(
            common,
            column.histogram_bounds,
            null_frac=null_frac,
            distinct=distinct - len(listed) + len(common),
            scale=scale_of(column.type_name),
        )
    if transform == MEMBER:
        return _of_members(common, column.histogram_bounds, null_frac)
    change = _transform(transform)
    shares: dict[str, float] = {}
    rest = max(0.0, 1.0 - null_frac - sum(share for _, share in common))
    bounds = [changed for value in column.histogram_bounds if (changed := change(value)) is not None]
    for value, share in common:
        changed = change(value)
        if changed is not None:
            shares[changed] = shares.get(changed, 0.0) + share
    for value, times in Counter(bounds).items():
        if times > 1 or value in shares:
            shares[value] = shares.get(value, 0.0) + rest * times / len(column.histogram_bounds)
    single = sorted(value for value in bounds if value not in shares)
    held = sum(shares.values()) + rest * len(single) / max(1, len(column.histogram_bounds))
    return Distribution(
        list(shares.items()),
        single,
        null_frac=max(0.0, 1.0 - held),
        distinct=distinct,
        scale=scale_of("date") if transform == "date" else None,
    )


def _of_members(common: Sequence[tuple[str, float]], bounds: Sequence[str], null_frac: float) -> Distribution:
    """The members of JSON objects that two documents or more hold: what `@>` may be asked for."""
    rest = max(0.0, 1.0 - null_frac - sum(share for _, share in common)) / max(1, len(bounds))
    shares: dict[str, list[float]] = {}
    for document, share in (*common, *((each, rest) for each in bounds)):
        found = _loaded(document)
        for key, value in found.items() if isinstance(found, dict) else ():
            if isinstance(value, str | bool | int):
                shares.setdefault(json.dumps({key: value}), []).append(share)
    listed = [(member, sum(parts)) for member, parts in shares.items() if len(parts) > 1 or parts[0] > rest]
    return Distribution(listed, (), null_frac=null_frac, distinct=len(listed), scale=None)


def _transform(name: str) -> Callable[[str], str | None]:
    if name.startswith("->>"):
        return lambda value: _member(value, name[3:])
    return {"lower": str.lower, "upper": str.upper, "date": lambda value: value[:10]}[name]


def _member(document: str, key: str) -> str | None:
    """What `document ->> key` gives; None for no such key, a NULL, or something deeper."""
    found = _loaded(document)
    value = found.get(key) if isinstance(found, dict) else None
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _loaded(document: str) -> object:
    """A JSON document; None for what is none."""
    try:
        found: object = json.loads(document)
    except (ValueError, RecursionError):
        return None
    return found


def _middle(strata: Sequence[Stratum]) -> Stratum:
    """One for all: that in whose middle half of the weight is reached, with the weight of all."""
    total, reached = sum(one.weight for one in strata), 0.0
    ranked = sorted(strata, key=lambda one: (-one.share, one.value))
    for one in ranked:
        reached += one.weight
        if reached >= total / 2:
            break
    return Stratum(one.value, total, one.share, one.listed)
