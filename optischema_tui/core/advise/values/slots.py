"""What may be drawn for the parameters of one comparison (or of a range's two, or of a list), each with its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from optischema_tui.core.advise.values.distribution import MEMBER, Distribution, Stratum, of_column
from optischema_tui.core.advise.values.literal import like_escaped, quoted, quoted_array, quoted_list
from optischema_tui.core.advise.values.places import Form, Place
from optischema_tui.core.advise.values.scale import interval
from optischema_tui.core.safe_text import one_line

LIST = 3
"""Values in a list of unknown length."""
LONGEST = 1000
"""Values in a list that the measured rows ask for."""
_SHOWN = 40
"""Characters of a value in words."""


@dataclass(frozen=True, slots=True)
class Filled:
    constants: dict[int, str]
    """SQL text by parameter number."""
    words: str
    share: float
    """0-1: of the rows, that they select."""


@dataclass(frozen=True, slots=True)
class Option:
    weight: float
    """Of all options of a slot, the weights sum to 1."""
    size: float
    """How much it selects unless told otherwise: of a range, the share of the rows without NULL; of a list, its length.
    0: nothing to choose."""
    make: Callable[[float], Filled]
    """The constants for a size."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Parameters that are drawn together."""

    numbers: tuple[int, ...]
    options: tuple[Option, ...]
    """The one that selects most first."""
    most: float = 0.0
    """The largest size; 0: the sizes are fixed."""
    first: float = 0.0
    """The size to begin with when it is to be found by trying: large enough for the planner to see rows."""


@dataclass(frozen=True, slots=True)
class Wants:
    """How the statement is asked."""

    most: int
    """Options of a slot."""
    sized: bool
    """The size of a range or list will be found by trying."""
    paged: bool
    """A LIMIT ends the rows: a range may be the place to go on from."""
    squashed: frozenset[int] = frozenset()
    """Parameters that stand for a list."""


def slots(found: Sequence[Place], wants: Wants, random: Random) -> list[Slot]:
    """The slots of the places whose column has statistics, in order. A parameter is in one slot only."""
    made: list[Slot] = []
    taken: set[int] = set()
    groups: dict[tuple[str, str, str, str], list[Place]] = {}
    for place in found:
        what = "range" if place.operator[0] in "<>" and place.operator != "<>" else place.operator
        groups.setdefault((place.alias, place.column.name, place.transform, what), []).append(place)
    for (_, _, _, what), places in groups.items():
        numbers = {number for place in places for number in place.numbers}
        distribution = of_column(places[0].column, places[0].table.rows, places[0].transform, places[0].excluded)
        if not distribution.known or numbers & taken:
            continue
        prefix = f"{one_line(places[0].alias, _SHOWN)}." if len({place.alias for place in found}) > 1 else ""
        slot = _Maker(places, distribution, wants, random, prefix).slot(what)
        if slot is not None:
            taken |= numbers
            made.append(slot)
    return made


class _Maker:
    """Makes the slot of places that share a column. `prefix` stands before the column's name in words."""

    def __init__(
        self, places: Sequence[Place], distribution: Distribution, wants: Wants, random: Random, prefix: str
    ) -> None:
        self.places = places
        self.of = distribution
        self.wants = wants
        self.random = random
        self.numbers = tuple(dict.fromkeys(number for place in places for number in place.numbers))
        name = prefix + one_line(places[0].column.name, _SHOWN)
        transform = places[0].transform
        if transform.startswith("->>"):
            self.name = f"{name} ->> {_shown(transform[3:])}"
        else:
            self.name = f"{transform}({name})" if transform not in ("", MEMBER) else name

    def slot(self, what: str) -> Slot | None:
        place = self.places[0]
        if what == "range":
            return self.range()
        if what.startswith("~~"):
            return self.pattern()
        if place.form is Form.ARRAY or (place.form is Form.VALUE and self.numbers[0] in self.wants.squashed):
            return self.list_of_any_length()
        if len(self.numbers) > 1 or place.form is Form.MEMBERS:
            return self.members()
        return self.value()

    def value(self) -> Slot:
        """One value: `=`, and `<>`, where callers leave out what is common."""
        strata = self.of.strata(self.wants.most, self.random)
        if self.places[0].operator == "<>":
            strata = (Stratum(strata[0].value, 1.0, strata[0].share, strata[0].listed),)
        if self.places[0].operator == "row":
            strata = (Stratum(self.of.typical(self.random), 1.0, 0.0, False),)
        options = tuple(Option(one.weight, 0.0, self._constant(one)) for one in strata)
        return Slot(self.numbers, options)

    def _constant(self, one: Stratum) -> Callable[[float], Filled]:
        share = f" ({_percent(one.share)} of rows)" if one.listed else ""
        operator = self.places[0].operator.replace("row", "at")
        words = f"{self.name} {operator} {_shown(one.value)}{share}"
        filled = Filled({number: quoted(one.value) for number in self.numbers}, words, self._selected(one.share))
        return lambda size: filled

    def _selected(self, share: float) -> float:
        """What a comparison with values that `share` of the rows hold selects."""
        if self.places[0].operator == "row":
            return 1.0
        return max(0.0, self.of.filled - share) if self.places[0].operator == "<>" else min(1.0, share)

    def members(self) -> Slot:
        count = len(self.numbers)
        options = [Option(weight, 0.0, self._members(values)) for weight, values in self._lists(count)]
        return Slot(self.numbers, tuple(options))

    def _members(self, values: Sequence[str]) -> Callable[[float], Filled]:
        constants = {number: quoted(values[at % len(values)]) for at, number in enumerate(self.numbers)}
        filled = Filled(constants, self._list_words(values), self._held(values))
        return lambda size: filled

    def list_of_any_length(self) -> Slot:
        number = self.numbers[0]
        as_array = self.places[0].form is Form.ARRAY
        random = self.random.random()

        def maker(at: int) -> Callable[[float], Filled]:
            def make(size: float) -> Filled:
                lists = self._lists(max(1, round(size)), random)
                values = lists[min(at, len(lists) - 1)][1]
                constant = quoted_array(values) if as_array else quoted_list(values)
                return Filled({number: constant}, self._list_words(values), self._held(values))

            return make

        options = [Option(weight, LIST, maker(at)) for at, (weight, _) in enumerate(self._lists(LIST, random))]
        longest = max(len(self.of.bounds), len(self.of.common), LONGEST if self.of.scale else 1)
        return Slot(self.numbers, tuple(options), most=longest, first=LIST)

    def _lists(self, count: int, start: float | None = None) -> list[tuple[float, list[str]]]:
        """Lists of `count` values with their weights: as rows hold them, and the rarest where that is another thing."""
        seed = self.random.random() if start is None else start
        mixed = self.of.several(count, Random(seed))
        if self.places[0].operator == "<>" or len(self.of.strata(self.wants.most, Random(seed))) < 2:
            return [(1.0, mixed)]
        rare = [value for value, _ in reversed(self.of.common)]
        if self.of.bounds and self.of.unlisted > count:
            rare = self.of.several(count + len(self.of.common), Random(seed))[len(self.of.common) :] or rare
        return [(0.5, mixed), (0.5, rare[:count])] if rare[:count] != mixed else [(1.0, mixed)]

    def _held(self, values: Sequence[str]) -> float:
        return self._selected(sum(self.of.share(value) for value in values))

    def _list_words(self, values: Sequence[str]) -> str:
        shown = ", ".join(map(_shown, values[:LIST])) + (", ..." if len(values) > LIST else "")
        how = "NOT IN" if self.places[0].operator == "<>" else "IN"
        count = f" ({len(values)} values)" if len(values) > LIST else ""
        return f"{self.name} {how} ({shown}){count}"

    def pattern(self) -> Slot | None:
        """The beginning of a value: what a LIKE that an index can serve looks like."""
        place = self.places[0]
        value = self.of.typical(self.random)
        if len(self.numbers) > 1 or not value:
            return None

        def make(size: float) -> Filled:
            prefix = self.of.prefix(value, size)
            escaped = like_escaped(prefix)
            pattern = escaped if place.form is Form.PREFIX else f"{escaped}%"
            how = "LIKE" if place.operator == "~~" else "ILIKE"
            words = f"{self.name} {how} {_shown(escaped + '%')} (taken for a prefix)"
            return Filled(dict.fromkeys(self.numbers, quoted(pattern)), words, self.of.starting(prefix))

        return Slot(self.numbers, (Option(1.0, 0.02, make),), most=1.0, first=0.1)

    def range(self) -> Slot | None:
        lower = next((place for place in self.places if place.operator[0] == ">"), None)
        upper = next((place for place in self.places if place.operator[0] == "<"), None)
        if any(place.form not in (Form.VALUE, Form.AGO) for place in self.places):
            return None
        if lower is not None and upper is not None and lower.numbers != upper.numbers:
            if Form.AGO in (lower.form, upper.form):
                return None
            return self._window(lower, upper)
        one = lower or upper
        if one is None:
            return None
        if one.form is Form.AGO:
            return self._ago(one)
        fixed = lower is not None and upper is not None
        return self._from_an_end(one, fixed=fixed)

    def _window(self, lower: Place, upper: Place) -> Slot:
        middle = 0.25 + 0.5 * self.random.random()

        def at(begin: Callable[[float], float]) -> Callable[[float], Filled]:
            def make(size: float) -> Filled:
                first = max(0.0, begin(size))
                low, high = self.of.quantile(first), self.of.quantile(min(1.0, first + size))
                high = self._apart(low, high, upper)
                constants = {number: quoted(low) for number in lower.numbers}
                constants |= {number: quoted(high) for number in upper.numbers}
                words = f"{self.name} from {_shown(low)} to {_shown(high)} ({_percent(size * self.of.filled)} of rows)"
                return Filled(constants, words, size * self.of.filled)

            return make

        central, recent = at(lambda size: middle - size / 2), at(lambda size: 1.0 - size)
        if self.of.scale is None or not self.of.scale.is_time:
            recent = central
        if self.wants.sized and recent is central:
            options: tuple[Option, ...] = (Option(1.0, 0.05, central),)
        else:
            options = Option(0.5, 0.05, central), Option(0.5, 0.005, recent)
        return Slot(self.numbers, options, most=1.0, first=0.1)

    def _apart(self, low: str, high: str, upper: Place) -> str:
        """`high`, or the next value above `low` where nothing would lie between the two."""
        if self.of.scale is None or low != high or upper.shifted:
            return high
        number = self.of.scale.number(low)
        step = self.of.scale.step if upper.operator == "<" else 0.0
        return high if number is None else self.of.scale.text(number + step)

    def _from_an_end(self, one: Place, *, fixed: bool) -> Slot:
        """`> $1` or `< $1`: near the end that few rows lie beyond, and in the middle."""
        above = one.operator[0] == ">"

        def make(size: float) -> Filled:
            value = self.of.quantile(1.0 - size if above else size)
            words = f"{self.name} {one.operator} {_shown(value)} ({_percent(size * self.of.filled)} of rows)"
            return Filled({number: quoted(value) for number in self.numbers}, words, size * self.of.filled)

        if self.wants.sized:
            return Slot(self.numbers, (Option(1.0, 0.3, make),), most=0.0 if fixed else 1.0, first=0.3)
        near = 0.98 if self.wants.paged and not above else 0.02
        options = sorted((Option(0.5, 0.5, make), Option(0.5, near, make)), key=lambda option: -option.size)
        return Slot(self.numbers, tuple(options), most=0.0 if fixed else 1.0, first=0.3)

    def _ago(self, one: Place) -> Slot | None:
        """`> now() - $1`: the newest value stands for the present, as it does on a server in use."""
        scale = self.of.scale
        if scale is None or not scale.is_time or one.operator[0] != ">":
            return None
        newest = self.of.ends()[1]

        def make(size: float) -> Filled:
            since = scale.number(self.of.quantile(1.0 - size))
            length = interval(newest - since if since is not None else 0.0)
            words = f"{self.name} {one.operator} {length} ago ({_percent(size * self.of.filled)} of rows)"
            return Filled({number: quoted(length) for number in self.numbers}, words, size * self.of.filled)

        options = Option(0.5, 0.5, make), Option(0.5, 0.02, make)
        return Slot(self.numbers, (Option(1.0, 0.3, make),) if self.wants.sized else options, most=1.0, first=0.3)


def _shown(value: str) -> str:
    return "'" + one_line(value.replace("'", "''"), _SHOWN) + "'"


def _percent(share: float) -> str:
    percent = 100 * min(1.0, share)
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"
