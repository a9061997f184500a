"""The last touches to a set, and what is told about it."""

from __future__ import annotations

from dataclasses import replace

from optischema_tui.core.advise.choose.ledger import bits
from optischema_tui.core.advise.choose.search import Search
from optischema_tui.core.advise.choose.selection import CurvePoint

_POINTS = 12
_CURVE_GAP = 1e-2


def prune(search: Search, least: float) -> None:
    """Take out of the best set, one by one, the new indexes whose loss would cost less than `least` milliseconds."""
    costs = search.costs
    while True:
        here = costs.objective(search.best)
        losses = [
            (costs.objective(search.best & ~(1 << bit)) - here, bit) for bit in bits(search.best & ~costs.existing)
        ]
        if not losses or min(losses)[0] >= least:
            return
        search.best &= ~(1 << min(losses)[1])
        search.best_value = search.value(search.best)


def shorten(search: Search, allowed: float, without_included: float) -> None:
    """Put the beginnings of indexes in their place while all of that together costs at most `allowed` milliseconds, or
    at most `without_included` where all the keys stay."""
    costs = search.costs
    start = costs.objective(search.best)
    for bit in bits(search.best & ~costs.existing):
        shorter = bits(search.beginnings(bit) & search.affordable & ~search.best)
        for other in sorted(shorter, key=lambda each: (len(costs.candidates[each].spec.columns), each)):
            mask = search.best & ~(1 << bit) | 1 << other
            same_keys = len(costs.candidates[other].spec.columns) == len(costs.candidates[bit].spec.columns)
            most = without_included if same_keys else allowed
            if search.fits(mask) and costs.objective(mask) - start <= most:
                search.best, search.best_value = mask, search.value(mask)
                break


def order(search: Search, allowed: float) -> None:
    """Put B-trees in the place of hashes on the same key while all of that costs at most `allowed` milliseconds: they
    serve ranges and orders too."""
    costs = search.costs
    start = costs.objective(search.best)
    for bit in bits(search.best & ~costs.existing):
        twin = replace(costs.candidates[bit].spec, method="btree")
        if costs.candidates[bit].spec.method == "hash" and costs.knows(twin):
            mask = search.best & ~(1 << bit) | costs.mask([twin]) & ~costs.existing
            if search.fits(mask) and costs.objective(mask) - start <= allowed:
                search.best, search.best_value = mask, search.value(mask)


def by_worth(search: Search) -> list[int]:
    """The new indexes of the best set, the one that would be missed most first, as far as is known."""
    costs = search.costs
    here = costs.ceiling(search.best)
    losses = {bit: costs.ceiling(search.best & ~(1 << bit)) - here for bit in bits(search.best & ~costs.existing)}
    return sorted(losses, key=lambda bit: (-losses[bit], bit))


def curve(search: Search, unbounded: int) -> tuple[CurvePoint, ...]:
    """The best sets known for some numbers of bytes up to those of `unbounded`, without asking the planner."""
    costs = search.costs
    most = costs.size_of(unbounded)
    masks = [costs.existing, search.best, unbounded]
    for step in range(1, _POINTS - 1):
        mask = search.solve(int(most * (step / (_POINTS - 1)) ** 2), gap=_CURVE_GAP, most_nodes=10)
        if mask is None:
            break
        masks.append(mask)
    points: list[CurvePoint] = []
    for mask in sorted(masks, key=lambda each: (costs.size_of(each), costs.ceiling(each), each)):
        objective = costs.ceiling(mask)
        if points and (objective >= points[-1].objective_ms or costs.size_of(mask) == points[-1].size_bytes):
            continue
        points.append(CurvePoint(costs.size_of(mask), objective, costs.specs(mask & ~costs.existing)))
    return tuple(points)
