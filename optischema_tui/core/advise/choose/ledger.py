"""What is known of one question's price under sets of indexes, and what follows from it without the planner.

Sets are bit masks. Two rules hold for a planner that takes the cheapest plan it sees:
a plan made with the indexes S that reads only U is also the plan with any T, U <= T <= S (exact);
and the price with T is at most that with any subset of T and at least that with any superset (bounds).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Atom:
    """One plan: asked for with `given` indexes, reads `used` of them."""

    given: int
    used: int
    price: float


@dataclass(slots=True)
class _Known:
    """What the first `seen` atoms tell of one set."""

    seen: int = 0
    floor: float = 0.0
    best: Atom | None = None
    exact: Atom | None = None


class Ledger:
    """The atoms of one question. `relevant` is the mask of all indexes that it could use."""

    def __init__(self, relevant: int, start: Atom) -> None:
        self.relevant = relevant
        self.start = start
        """With the indexes that exist."""
        self.atoms: list[Atom] = []
        self.cheapest: dict[int, Atom] = {}
        """By the indexes read, the cheapest plan known that reads just these."""
        self._known: dict[int, _Known] = {}
        self.record(start)

    def record(self, atom: Atom) -> None:
        self.atoms.append(atom)
        known = self.cheapest.get(atom.used)
        if known is None or atom.price < known.price:
            self.cheapest[atom.used] = atom

    def exact(self, given: int) -> Atom | None:
        """The plan with `given`, when it is known or follows."""
        return self._look(given).exact

    def ceiling(self, given: int) -> float:
        """At most this is the price with `given`; infinite when a missing existing index leaves it unknown."""
        known = self._look(given)
        best = known.exact or known.best
        return best.price if best is not None else float("inf")

    def floor(self, given: int) -> float:
        """At least this is the price with `given`; 0 when nothing is known of a larger set."""
        known = self._look(given)
        return known.exact.price if known.exact is not None else known.floor

    def _look(self, given: int) -> _Known:
        known = self._known.get(given)
        if known is None:
            known = self._known[given] = _Known()
        if known.exact is None and known.seen < len(self.atoms):
            for atom in self.atoms[known.seen :]:
                below, above = not atom.used & ~given, not given & ~atom.given
                if below and above:
                    known.exact = atom
                    break
                if above:
                    known.floor = max(known.floor, atom.price)
                if below and (known.best is None or atom.price < known.best.price):
                    known.best = atom
            known.seen = len(self.atoms)
        return known


def bits(mask: int) -> list[int]:
    """Numbers of the bits set, ascending."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
