"""Small changes to a set until none helps: one index more, one or two fewer, one for another."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from optischema_tui.core.advise.choose.ledger import bits
from optischema_tui.core.advise.choose.search import Search

Move = tuple[float, int]
"""(a hopeful guess of the value, the set)"""
_PROVEN = 1e-4
"""A set within this share of the bound is the best."""
_MOST_GUESSED = 600
"""Moves of a pass that are guessed question by question, after a rough guess for all."""


def improve(search: Search, allowance: int, caution: float, progress: Callable[[int, int], None]) -> bool:
    """Try the moves from the best set, the most promising first; at the first that is better, True.

    Asks the planner about `allowance` times at most. `caution` (0-1): what is not known of a price is guessed at this
    share between the least and the most that it can be; 0 tries every move that could be better.
    """
    costs = search.costs
    start, calls = search.best, costs.calls
    rough = sorted(move for move in _moves(search, start, caution) if move[0] < search.best_value)[:_MOST_GUESSED]
    moves = sorted((_guess(search, start, mask, caution), mask) for _, mask in rough)
    for number, (value, mask) in enumerate(moves):
        progress(number, len(moves))
        if value >= search.best_value or costs.calls - calls > allowance:
            break
        evaluate(search, mask)
        if search.best != start:
            return True
    return False


def challenge(search: Search, allowance: int, progress: Callable[[int, int], None]) -> None:
    """Plan the set that could be the best one by all that is known, until none could be or nothing is learnt.

    Asks the planner about `allowance` times at most.
    """
    costs = search.costs
    calls = costs.calls
    charge = [tie + upkeep for tie, upkeep in zip(search.charge, costs.upkeep, strict=True)]
    while (asked := costs.calls - calls) < allowance:
        progress(asked, allowance)
        bound, mask = search.bound(charge)
        if bound >= search.best_value * (1 - _PROVEN):
            return
        mask |= search.fixed
        for place in range(len(costs.questions)):
            _walk_down(search, place, mask)
        if costs.calls - calls == asked:
            return
        search.consider(mask)


def _walk_down(search: Search, place: int, mask: int) -> None:
    """The plan of a question with `mask`, by way of larger sets: each of these plans bounds many sets."""
    costs = search.costs
    given = costs.ledgers[place].relevant & search.affordable | mask
    while True:
        atom = costs.ask(place, given)
        needless = atom.used & ~mask
        if not needless:
            return
        given &= ~needless


def evaluate(search: Search, mask: int) -> None:
    """Make `mask` the best set if it is better, asking no more than what shows that it is not."""
    costs = search.costs
    least = search.charges(mask)
    unknown: list[tuple[float, int, float]] = []
    for place, ledger in enumerate(costs.ledgers):
        low = costs.weights[place] * ledger.floor(mask & ledger.relevant)
        least += low
        if ledger.exact(mask & ledger.relevant) is None:
            unknown.append((-search.room(place, mask), place, low))
    for _, place, low in sorted(unknown):
        if least >= search.best_value:
            return
        least += costs.time_ms(place, mask) - low
    search.consider(mask)


def _guess(search: Search, start: int, mask: int, caution: float) -> float:
    """The value of a set that differs a little from the best one, `start`."""
    costs = search.costs
    value = search.best_value + search.charges(mask) - search.charges(start)
    for place in sorted({place for bit in bits(mask ^ start) for place in costs.affected[bit]}):
        ledger = costs.ledgers[place]
        given = mask & ledger.relevant
        low, high = ledger.floor(given), ledger.ceiling(given)
        value += costs.weights[place] * (low + caution * (high - low)) - costs.time_ms(place, start)
    return value


def _moves(search: Search, start: int, caution: float) -> list[Move]:
    """All moves that fit. What two changes do together is guessed as the sum of what they do alone, except for two
    indexes of one table, which stand in for each other."""
    costs = search.costs
    own = bits(start & ~search.fixed)
    pool = bits(search.pool() & ~start)
    value = search.best_value
    fewer = {bit: _guess(search, start, start & ~(1 << bit), caution) - value for bit in own}
    more = {bit: _guess(search, start, start | 1 << bit, caution) - value for bit in pool}
    tables = [(candidate.spec.schema, candidate.spec.table) for candidate in costs.candidates]
    moves: list[Move] = [(value + change, start & ~(1 << bit)) for bit, change in fewer.items()]
    for new in pool:
        grown = start | 1 << new
        if search.fits(grown):
            moves.append((value + more[new], grown))
        for old in own:
            mask = grown & ~(1 << old)
            if not search.fits(mask):
                continue
            related = tables[old] == tables[new]
            guess = _guess(search, start, mask, caution) if related else value + more[new] + fewer[old]
            moves.append((guess, mask))
    moves += [
        (value + fewer[first] + fewer[second], start & ~(1 << first | 1 << second))
        for first, second in combinations(own, 2)
    ]
    return moves
