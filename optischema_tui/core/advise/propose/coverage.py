"""What an existing index serves already, and what a new one would serve in its place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from optischema_tui.core.advise.reading.text import canonical, conjuncts, joined
from optischema_tui.core.models import IndexFacts, IndexSpec, TableFacts

MUCH_SMALLER = 0.2
"""A partial index beside a complete one with the same keys pays when it holds at most this share of the rows."""

KeyForm = tuple[str, bool, str, bool, bool]
"""(text, is an expression, operator class, descending, NULLS FIRST)"""


def covered_by(
    spec: IndexSpec,
    table: TableFacts,
    pinned: Collection[str] = (),
    share: float = 1.0,
    known: frozenset[str] = frozenset(),
) -> str:
    """Why `spec` needs no index of its own, naming the index that serves it; empty when nothing does.

    An index serves `spec` when it is valid, of the same method, holds all the rows that `spec` would hold, begins with
    the same keys in the same order and direction (or all reversed) with the same operator classes, and holds the
    included columns; or when it is unique over keys that the statement pins to one value each (`pinned`: column names,
    and expressions in their canonical form), so that it finds the one row already. `share`: 0-1 of the rows that the
    predicate of `spec` keeps; `known`: conditions that all rows meet which the statement wants, as `conditions` does.
    """
    for index in table.indexes:
        if not index.valid:
            continue
        smaller = bool(spec.predicate) and not index.predicate and share <= MUCH_SMALLER
        rows = conditions(index.predicate) <= conditions(spec.predicate) | known and not smaller
        if rows and _begins_with(index, spec) and _holds(spec.include, index.columns, index.include):
            return f"covered by {index.name} ({', '.join(index.columns)})"
        unique = index.unique and index.method == "btree" and conditions(index.predicate) <= known
        if unique and index.columns and {key[0] for key in index_keys(index)} <= set(pinned):
            return f"the unique index {index.name} finds the one row already"
    return ""


def makes_redundant(spec: IndexSpec, table: TableFacts) -> tuple[str, ...]:
    """Names of existing indexes that `spec` would serve in place of: a prefix of it, not unique, no constraint's."""
    return tuple(index.name for index in table.indexes if _serves_for(spec, index))


def _serves_for(spec: IndexSpec, index: IndexFacts) -> bool:
    bound = index.unique or index.constraint or index.replica_identity or index.extension or index.part_of
    if bound or not index.valid or index.method != spec.method or len(index.columns) > len(spec.columns):
        return False
    mine = index_keys(index)
    width = len(mine)
    return (
        _same_direction(mine, spec_keys(spec)[:width])
        and conditions(spec.predicate) <= conditions(index.predicate)
        and _holds(index.include, spec.columns, spec.include)
    )


def invalid_twin(spec: IndexSpec, table: TableFacts) -> str:
    """The name of an invalid index with the same leading columns: a leftover that serves nothing."""
    for index in table.indexes:
        same = conditions(index.predicate) == conditions(spec.predicate)
        if not index.valid and same and _begins_with(index, spec):
            return index.name
    return ""


@lru_cache(maxsize=4096)
def conditions(predicate: str) -> frozenset[str]:
    """The conditions of a predicate, each in one form; empty for all rows."""
    return frozenset(joined(each) for each in conjuncts(predicate)) if predicate else frozenset()


def index_keys(index: IndexFacts) -> tuple[KeyForm, ...]:
    found = []
    for position, text in enumerate(index.columns):
        computed = index.expressions and text.startswith("(")
        descending = bool(index.descending and index.descending[position])
        first = index.nulls_first[position] if index.nulls_first else descending
        opclass = index.opclasses[position] if index.opclasses else ""
        found.append((canonical(text) if computed else text, computed, opclass, descending, first))
    return tuple(found)


def spec_keys(spec: IndexSpec) -> tuple[KeyForm, ...]:
    found = []
    for position, text in enumerate(spec.columns):
        computed = spec.is_computed(position)
        descending = bool(spec.descending and spec.descending[position])
        nulls = spec.nulls[position] if spec.nulls else ""
        opclass = spec.opclasses[position].rpartition(".")[2] if spec.opclasses else ""
        first = nulls == "FIRST" or (not nulls and descending)
        found.append((canonical(text) if computed else text, computed, opclass, descending, first))
    return tuple(found)


def _begins_with(index: IndexFacts, spec: IndexSpec) -> bool:
    wanted, have = spec_keys(spec), index_keys(index)
    if index.method != spec.method:
        return False
    if spec.method != "btree":
        return {key[:3] for key in wanted} <= {key[:3] for key in have}
    return _same_direction(have[: len(wanted)], wanted)


def _same_direction(one: Sequence[KeyForm], other: Sequence[KeyForm]) -> bool:
    if [key[:3] for key in one] != [key[:3] for key in other]:
        return False
    first, second = [key[3:] for key in one], [key[3:] for key in other]
    return first == second or first == [(not descending, not nulls) for descending, nulls in second]


def _holds(wanted: Sequence[str], columns: Sequence[str], include: Sequence[str]) -> bool:
    return set(wanted) <= {*columns, *include}
