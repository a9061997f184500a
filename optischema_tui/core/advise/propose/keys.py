"""Keys of B-trees for one use: equality first, then one range or the wanted order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, permutations

from optischema_tui.core.advise.propose.draft import Draft, Part, plain
from optischema_tui.core.advise.propose.view import View, by_distinct, names
from optischema_tui.core.advise.reading.use import Key, Order

MAX_TAIL = 3
"""Equality keys in front of a range key or a sort order."""
MAX_RANGE_PAIRS = 2


def structured(view: View, width: int) -> Iterator[Draft]:
    """The indexes that serve all of the use at once, the likeliest first; at most `width` keys."""
    for joined in ((), *view.joins.values()):
        pure = by_distinct(view.table, [*view.equal, *joined])
        equal = by_distinct(view.table, [*pure, *view.any_of])
        for order in view.sorts:
            yield from _ordered(pure, [*equal, *view.ranges], order, width)
        for key, opclass in [*((key, "") for key in view.ranges), *view.prefixes]:
            if key not in equal:
                yield _ranged(equal, key, opclass, width)
        yield from _two_ranges(equal, [key for key in view.ranges if key not in equal], width)
        if len(equal) > 1:
            yield _looked_up(equal[:width])


def leading(view: View, width: int) -> Iterator[Draft]:
    """Each equality key once in front, so that statements can share an index; then shorter ones; then single keys."""
    for joined in ((), *view.joins.values()):
        equal = by_distinct(view.table, [*view.equal, *joined, *view.any_of])
        if len(equal) > 1:
            for leader in equal:
                yield _looked_up((leader, *(key for key in equal if key != leader))[:width])
            for size in range(2, min(len(equal), width)):
                yield _looked_up(equal[:size])


def single(view: View) -> Iterator[Draft]:
    for key in view.leads():
        yield Draft(plain((key,)), reasons=(f"{key.text} is what the statement looks for.",))
    for key, opclass in view.prefixes:
        if opclass:
            yield _ranged((), key, opclass, 1)


def _looked_up(keys: Sequence[Key]) -> Draft:
    text = f"{names(keys)}: each is compared with =, most distinct values leading where nothing else decides."
    return Draft(plain(keys), reasons=(text,))


def _ranged(equal: Sequence[Key], key: Key, opclass: str, width: int) -> Draft:
    front = tuple(equal[: min(MAX_TAIL, width - 1)])
    reasons = [f"{names(front)} first: compared with =."] if front else []
    if opclass:
        reasons.append(f"{key.text} with {opclass}: the table's collation is not C, so only that finds prefixes.")
    else:
        after = " after what is compared with =" if front else ""
        reasons.append(f"{key.text}{after}: a range ends the part that can be looked up.")
    return Draft((*plain(front), Part(key, opclass=opclass)), reasons=tuple(reasons))


def _two_ranges(equal: Sequence[Key], ranges: Sequence[Key], width: int) -> Iterator[Draft]:
    front = tuple(equal[: min(MAX_TAIL, width - 2)])
    for key, other in islice(permutations(ranges, 2), MAX_RANGE_PAIRS if width > 2 else 0):
        reasons = [f"{names(front)} first: compared with =."] if front else []
        place = "next" if front else "first"
        reasons.append(f"{key.text} {place}: a range; {other.text} behind it is checked inside the index.")
        yield Draft(plain((*front, key, other)), reasons=tuple(reasons))


def _ordered(pure: Sequence[Key], checked: Sequence[Key], order: Order, width: int) -> Iterator[Draft]:
    """Equality keys, then the order; and the same with what else is compared behind it."""
    front = tuple(pure[: min(MAX_TAIL, width - 1)])
    tail = tuple(Part(each.key, each.descending, each.nulls) for each in order if each.key not in front)
    tail = tail[: width - len(front)]
    if not tail:
        return
    if len({part.descending for part in tail}) == 1 and not any(part.nulls for part in tail):
        tail = plain([part.key for part in tail])  # an index is read both ways
    reasons = [f"{names(front)} first: compared with =."] if front else []
    place = "next" if front else "first"
    reasons.append(f"{names([part.key for part in tail])} {place}: rows come out in the wanted order, without a sort.")
    yield Draft((*plain(front), *tail), reasons=tuple(reasons))
    listed = [key for key in checked if key not in front and key not in [part.key for part in tail]]
    room = width - len(front) - len(tail)
    if listed and room > 0:
        reasons.append(f"{names(listed[:room])} last: checked inside the index, before the table is read.")
        yield Draft((*plain(front), *tail, *plain(listed[:room])), reasons=tuple(reasons))
