"""What a picture says of a statement that did nothing, or was not read, is the same in the next one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

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
    """It did nothing in the interval of the picture, or when it was read last."""
    place: tuple[float, ...]
    """Sorts the heaviest first and the hidden last."""
    load: float = 0.0
    """ms per second of its own interval; of its lifetime as long as there is no interval."""
    stale: bool = False
    """It was not read in the tick of the picture."""


class Resting:
    """What the last picture drew of statements that did nothing in its interval, and, where not every row is read in
    each tick, of all. For one writer of pictures."""

    def __init__(self) -> None:
        self._database_oid: int | None = None
        """Of the pictures; None while nothing may be reused."""
        self._drawn: list[Drawn] = []

    def forget(self, keys: Iterable[StatementKey]) -> None:
        """The texts of these statements came or changed."""
        changed = frozenset(keys)
        if changed:
            self._drawn = [drawn for drawn in self._drawn if drawn.sample.key not in changed]

    def still(
        self,
        statements: Sequence[StatementSample],
        database_oid: int | None,
        show_hidden: frozenset[str] = frozenset(),
        unread: Collection[StatementKey] = (),
    ) -> tuple[list[Drawn], list[StatementSample]]:
        """(what was kept of those among `statements` that are the very samples of then, in the order it was kept;
        the others). Pass None for `database_oid` when there is no interval. `unread` are those that this tick did not
        read: what was kept of one that moved is good only as long as it is among them."""
        if database_oid is None or database_oid != self._database_oid:
            return [], list(statements)
        here = set(map(id, statements))
        drawn: list[Drawn] = []
        for each in self._drawn:
            if id(each.sample) not in here or (each.row is None) != _hides(each.reason, show_hidden):
                continue
            stale = each.sample.key in unread if unread else False
            if not stale and (each.stale or not each.rests):
                continue
            drawn.append(_aged(each) if stale and not each.stale else each)
        known = {id(each.sample) for each in drawn}
        return drawn, [sample for sample in statements if id(sample) not in known]

    def keep(self, database_oid: int | None, drawn: Iterable[Drawn], sampled: bool = False) -> None:
        """Those of `drawn` that can be reused, in place of all that was kept before."""
        self._database_oid = database_oid
        self._drawn = list(drawn) if sampled else [each for each in drawn if each.rests]


def _hides(reason: str, show_hidden: frozenset[str]) -> bool:
    return bool(reason) and reason not in show_hidden


def _aged(drawn: Drawn) -> Drawn:
    return replace(drawn, stale=True, row=replace(drawn.row, stale=True) if drawn.row else None)
