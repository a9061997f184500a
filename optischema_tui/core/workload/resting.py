"""Statements at rest: what a picture says of a statement that did nothing is the same in the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optischema_tui.core.models import QueryRow, StatementKey, StatementSample


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one statement adds to a picture."""

    sample: StatementSample
    reason: str
    """The filter reason, empty when there is none."""
    row: QueryRow | None
    """None when it is hidden."""
    rests: bool
    """It did nothing in the interval of the picture."""
    place: tuple[float, ...]
    """Sorts the heaviest first and the hidden last."""


Basis = tuple[frozenset[str], int, bool]
"""What every row depends on beside its own statement: show_hidden, the database's oid, lower bounds."""


class Resting:
    """What the last picture drew of statements that did nothing in its interval. For one writer of pictures."""

    def __init__(self) -> None:
        self._basis: Basis | None = None
        self._drawn: list[Drawn] = []

    def forget(self, keys: Iterable[StatementKey]) -> None:
        """The texts of these statements came or changed."""
        stale = frozenset(keys)
        if stale:
            self._drawn = [drawn for drawn in self._drawn if drawn.sample.key not in stale]

    def still(
        self, statements: Sequence[StatementSample], basis: Basis | None
    ) -> tuple[list[Drawn], list[StatementSample]]:
        """(what was kept of those among `statements` that are the very samples of then, in the order it was kept;
        the others)."""
        if basis is None or basis != self._basis:
            return [], list(statements)
        here = set(map(id, statements))
        drawn = [each for each in self._drawn if id(each.sample) in here]
        known = {id(each.sample) for each in drawn}
        return drawn, [sample for sample in statements if id(sample) not in known]

    def keep(self, basis: Basis | None, drawn: Iterable[Drawn]) -> None:
        """Those of `drawn` that rest, in place of all that was kept before."""
        self._basis, self._drawn = basis, [each for each in drawn if each.rests]
