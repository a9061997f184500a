"""Asking the planner itself which indexes matter: show it many, note what it reads, take these away, ask again."""

from __future__ import annotations

from collections.abc import Callable

from optischema_tui.core.advise.choose.ledger import bits
from optischema_tui.core.advise.choose.search import Search

POOL_ROUNDS = 7
NEAR_ROUNDS = 4
SWAP_ROUNDS = 8
MOST_PARTS = 40
"""Plans asked for of one question to learn what parts of a set of indexes bring."""


def pools(search: Search, progress: Callable[[int, int], None]) -> None:
    """For each question the plans that it would have with everything, then without what those read, and so on; and
    the same with single columns only, since the planner does not know that wide indexes cost bytes."""
    costs = search.costs
    order = sorted(range(len(costs.questions)), key=lambda place: (-costs.time_ms(place, costs.existing), place))
    for done, place in enumerate(order):
        progress(done, len(order))
        relevant = costs.ledgers[place].relevant
        offer = relevant & search.affordable
        descend(search, place, costs.existing, offer, POOL_ROUNDS)
        if relevant & search.narrow != offer:
            descend(search, place, costs.existing, offer & search.narrow, POOL_ROUNDS)
        if relevant != offer:
            descend(search, place, costs.existing, relevant, 1)
        if relevant & costs.existing & ~search.fixed:
            descend(search, place, search.fixed, offer | costs.existing, POOL_ROUNDS)


def parts(search: Search, progress: Callable[[int, int], None]) -> None:
    """What is left of each plan's gain without one of the indexes that it reads, and so on down to single ones."""
    costs = search.costs
    for place, ledger in enumerate(costs.ledgers):
        progress(place, len(costs.ledgers))
        seen: set[int] = set()
        queue = sorted(ledger.cheapest, key=lambda used: (ledger.cheapest[used].price, used))
        asked = 0
        while queue and asked < MOST_PARTS:
            used = queue.pop(0)
            mine = bits(used & ~search.fixed)
            if used in seen or len(mine) < 2:
                continue
            seen.add(used)
            for bit in mine:
                less = used & ~(1 << bit) | search.fixed & ledger.relevant
                if search.room(place, less) >= search.tolerance:
                    asked += 1
                    queue.append(costs.ask(place, less).used)


def around(search: Search, mask: int, progress: Callable[[int, int], None]) -> None:
    """What each question would like beside `mask`, and in the place of each index of `mask` that it reads: anything,
    and what the bytes set free would hold."""
    costs = search.costs
    pool = search.pool() & ~mask
    free = None if search.budget is None else search.budget - costs.size_of(mask)
    for place, ledger in enumerate(costs.ledgers):
        progress(place, len(costs.ledgers))
        here = costs.ask(place, mask)
        offer = pool & ledger.relevant
        if costs.weights[place] * (ledger.start.price - ledger.floor(ledger.relevant)) < search.tolerance:
            continue
        mine = bits(here.used & ~search.fixed)
        # In this order because making many indexes known to the planner's session takes longer than a plan: first
        # all that share nearly everything, then the smaller sets.
        together = descend(search, place, mask, offer, NEAR_ROUNDS)
        for bit in mine:
            together += descend(search, place, mask & ~(1 << bit), offer, NEAR_ROUNDS)
        if free is not None:
            for bit in mine:
                small = sum(1 << other for other in bits(offer) if costs.sizes[other] <= free + costs.sizes[bit])
                together += descend(search, place, mask & ~(1 << bit), small, SWAP_ROUNDS)
        for keep, new in together:
            _apart(search, place, keep, new)


def descend(search: Search, place: int, keep: int, offer: int, rounds: int) -> list[tuple[int, int]]:
    """Plans of one question with `keep` and all of `offer`, then without those of `offer` that were read, until what
    is left brings nothing worth while. Returns the (keep, new) where several new ones were read together."""
    costs = search.costs
    ledger = costs.ledgers[place]
    keep &= ledger.relevant
    given = keep | offer & ledger.relevant
    together: list[tuple[int, int]] = []
    for _ in range(rounds):
        atom = costs.ask(place, given)
        new = atom.used & ~keep
        if not new or costs.weights[place] * (ledger.ceiling(keep) - atom.price) < search.tolerance:
            break
        given &= ~new
        if new.bit_count() > 1:
            together.append((keep, new))
    return together


def _apart(search: Search, place: int, keep: int, new: int) -> None:
    """What each of several indexes that are read together does without the others, and they without it."""
    for bit in bits(new):
        for given in (keep | 1 << bit, keep | new & ~(1 << bit)):
            if search.room(place, given) >= search.tolerance:
                search.costs.ask(place, given)
