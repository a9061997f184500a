"""The conditions of one use, sorted by what an index can do with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optischema_tui.core.advise.propose.columns import column_of, distinct
from optischema_tui.core.advise.propose.shares import literals, share
from optischema_tui.core.advise.reading.conditions import Kind, references
from optischema_tui.core.advise.reading.use import Key, Order, Term, Use
from optischema_tui.core.models import ColumnFacts, TableFacts
from optischema_tui.core.workload.lexer import significant

MOST_ROWS = 0.5
"""A condition that more rows meet than this share selects nothing."""
_LOOKED_UP = (Kind.EQUAL, Kind.ANY, Kind.RANGE)
_PATTERN_OPCLASSES = {"character varying": "varchar_pattern_ops", "character": "bpchar_pattern_ops"}


class View:
    """A use without the conditions whose texts are in `without`: a partial index keeps those by itself."""

    def __init__(self, use: Use, without: frozenset[str] = frozenset()) -> None:
        self.use = use
        self.table = use.table
        self.without = without
        self.terms = [term for term in use.terms if term.text not in without and term.key is not None]
        own = [term for term in self.terms if term.partner is None and not term.in_or]
        self.equal = _keys(term for term in own if term.kind is Kind.EQUAL and not _keeps_most(term, use.table))
        self.any_of = _keys(term for term in own if term.kind is Kind.ANY and not _keeps_most(term, use.table))
        self.ranges = _keys(term for term in own if term.kind is Kind.RANGE)
        self.either = _keys(term for term in self.terms if term.in_or and term.kind in _LOOKED_UP)
        self.prefixes = [(key, pattern_opclass(key, use.table)) for key in _keys(t for t in own if is_prefix(t))]
        self.sorts: list[Order] = use.sorts
        self.joins: dict[str, list[Key]] = {}
        for term in self.terms:
            if term.kind is Kind.EQUAL and term.partner is not None and not term.in_or and term.key is not None:
                mine = self.joins.setdefault(term.partner, [])
                if term.key not in mine:
                    mine.append(term.key)

    def leads(self) -> tuple[Key, ...]:
        """Every key that an index with the types' own operator classes could begin with, always in the same order."""
        joined = (key for keys in self.joins.values() for key in keys)
        first = (order[0].key for order in self.sorts)
        prefixed = (key for key, opclass in self.prefixes if not opclass)
        found = {*self.equal, *self.any_of, *self.ranges, *self.either, *joined, *first, *prefixed}
        return tuple(sorted(found))

    def needed(self) -> frozenset[str] | None:
        return self.use.needed(self.without)


def by_distinct(table: TableFacts, keys: Iterable[Key]) -> tuple[Key, ...]:
    """Without repeats, most distinct values first, ties by name."""
    return tuple(sorted(set(keys), key=lambda key: (-key_distinct(table, key), key)))


def key_distinct(table: TableFacts, key: Key) -> float:
    """Distinct values of a key, an expression's taken from its column; 0 unknown."""
    columns = columns_of(table, key)
    return max((distinct(column, table.rows) for column in columns), default=0.0)


def columns_of(table: TableFacts, key: Key) -> tuple[ColumnFacts, ...]:
    names = [key.text] if not key.computed else [each.name for each in references(list(significant(key.text)))]
    found = (column_of(table, name) for name in dict.fromkeys(names))
    return tuple(column for column in found if column is not None)


def is_prefix(term: Term) -> bool:
    """LIKE 'abc%' and its kin: the values that begin with a known text lie together."""
    values = literals(term.value) if term.operator in ("~~", "^@", "~") else None
    if not values or not values[0]:
        return False
    if term.operator == "~":
        return values[0][0] == "^" and values[0][1:2].isalnum()
    return term.operator == "^@" or values[0][0] not in "%_\\"


def pattern_opclass(key: Key, table: TableFacts) -> str:
    """The operator class that a B-tree needs to serve prefixes; empty where the type's own does."""
    columns = columns_of(table, key)
    if columns and all(column.collate_c for column in columns):
        return ""
    base = columns[0].type_name.split("(")[0].strip() if columns and not key.computed else "text"
    return _PATTERN_OPCLASSES.get(base, "text_pattern_ops")


def _keeps_most(term: Term, table: TableFacts) -> bool:
    """IS NULL, a flag, NOT a flag, or a list of values, that most rows meet: nothing to look up."""
    may = term.operator in ("is", "not", "") or term.kind is Kind.ANY
    return may and (share(term, table) or 0.0) > MOST_ROWS


def _keys(terms: Iterable[Term]) -> list[Key]:
    return list(dict.fromkeys(term.key for term in terms if term.key is not None))


def names(keys: Sequence[Key]) -> str:
    return ", ".join(key.text for key in keys)
