"""Conditions that a partial index may hold by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from optischema_tui.core.advise.propose.columns import column_of
from optischema_tui.core.advise.propose.shares import literals, share
from optischema_tui.core.advise.propose.view import MOST_ROWS
from optischema_tui.core.advise.reading.conditions import Kind
from optischema_tui.core.advise.reading.use import Term, Use

RARE = 0.1
"""A value that calls may vary is worth an index of its own when at most this share of the rows hold it ..."""
SKEW = 0.5
"""... and at most this part of what an average value of the column would have."""
REST = 0.3
"""What a `<>` leaves is worth an index up to this share: it nearly always shuts out one and the same end state."""
MAX_STATES = 64
"""A column with more different values is no status: each value's index would serve few calls."""
MAX_PREDICATES = 4
_LITERAL_FREE = frozenset(("is", "is not null", "", "not"))
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


@dataclass(frozen=True, slots=True)
class Predicate:
    terms: tuple[Term, ...]
    share: float
    """0-1 of the rows, the conditions taken as independent."""
    drawn: bool
    """Some value in it is one of a parameter's."""

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(sorted(term.text for term in self.terms))

    def reason(self) -> str:
        where = " and ".join(self.texts)
        text = f"Only rows with {where}: {self.share:.2%} of the table"
        if not self.drawn:
            return f"{text}; the statement asks for no others."
        return (
            f"{text}. It serves calls with this value only, and only while the value is known when they are planned:"
            " a prepared statement's generic plan cannot use it."
        )


def predicates(use: Use, fixed: frozenset[str] | None) -> Iterator[Predicate]:
    """At most MAX_PREDICATES. `fixed`: texts of the conditions that are the same in every call; None where that is not
    known, as of a statement whose own literals may be another call's parameters."""
    always: dict[Term, float] = {}
    drawn: dict[Term, float] = {}
    for term in use.terms:
        kept = share(term, use.table)
        if not term.constant or term.in_or or kept is None or term.key is None or term.key.computed:
            continue
        if _holds_always(term, use, fixed):
            if kept <= MOST_ROWS:
                always[term] = kept
        elif _is_rare(term, use, kept):
            drawn[term] = kept
    every = [_predicate(always)] if len(always) > 1 else []
    alone = (
        _predicate({term: kept}) for term, kept in sorted(always.items(), key=lambda each: (each[1], each[0].text))
    )
    rare = (
        _predicate(always | {term: kept}, drawn=True)
        for term, kept in sorted(drawn.items(), key=lambda each: (each[1], each[0].text))
    )
    for number, predicate in enumerate(chain(every, alone, rare)):
        if number < MAX_PREDICATES:
            yield predicate


def _holds_always(term: Term, use: Use, fixed: frozenset[str] | None) -> bool:
    if term.operator in _LITERAL_FREE:
        return True
    if fixed is None or term.text not in fixed:
        return False
    return _is_state(term, use) or (term.kind is Kind.RANGE and _is_number(term, use))


def _is_rare(term: Term, use: Use, kept: float) -> bool:
    column = column_of(use.table, term.key.text) if term.key is not None else None
    if column is None or not _is_state(term, use):
        return False
    if term.operator in ("<>", "!="):
        return kept <= REST
    if term.kind not in (Kind.EQUAL, Kind.ANY):
        return False
    asked = len(literals(term.value) or ())
    return kept <= RARE and kept <= SKEW * asked / column.n_distinct


def _is_state(term: Term, use: Use) -> bool:
    """It names values that the statistics list, of a column with few."""
    column = column_of(use.table, term.key.text) if term.key is not None else None
    values = literals(term.value)
    if column is None or not values or not 0 < column.n_distinct <= MAX_STATES:
        return False
    return term.kind is not Kind.RANGE and all(value in column.most_common_vals for value in values)


def _is_number(term: Term, use: Use) -> bool:
    column = column_of(use.table, term.key.text) if term.key is not None else None
    return column is not None and column.type_name.startswith(_NUMBERS)


def _predicate(terms: Mapping[Term, float], *, drawn: bool = False) -> Predicate:
    kept = 1.0
    for each in terms.values():
        kept *= each
    return Predicate(tuple(terms), kept, drawn)
