"""What an existing index serves already."""

from __future__ import annotations

from collections.abc import Collection

from optischema_tui.core.models import IndexFacts, IndexSpec, TableFacts


def covered_by(spec: IndexSpec, table: TableFacts, pinned: Collection[str] = ()) -> str:
    """Why `spec` needs no index of its own, naming the index that serves it; empty when nothing does.

    An index serves `spec` when it is a valid, complete (not partial) B-tree that begins with the same columns in the
    same order and direction (or all reversed), or when it is unique over columns that the statement pins to one value
    each (`pinned`), so that it finds the one row already.
    """
    for index in table.indexes:
        if not _serves(index):
            continue
        if _begins_with(index, spec):
            return f"covered by {index.name} ({', '.join(index.columns)})"
        unique = index.unique and not index.expressions and index.columns
        if unique and set(index.columns) <= set(pinned):
            return f"the unique index {index.name} finds the one row already"
    return ""


def makes_redundant(spec: IndexSpec, table: TableFacts) -> tuple[str, ...]:
    """Names of existing indexes that `spec` would serve in place of: plain, not unique, a prefix of it."""
    return tuple(
        index.name
        for index in table.indexes
        if _serves(index)
        and not (index.unique or index.constraint or index.expressions or index.include)
        and len(index.columns) < len(spec.columns)
        and spec.columns[: len(index.columns)] == index.columns
        and _same_directions(index.descending, spec.descending, len(index.columns))
    )


def invalid_twin(spec: IndexSpec, table: TableFacts) -> str:
    """The name of an invalid index with the same leading columns: a leftover that serves nothing."""
    for index in table.indexes:
        if index.method == "btree" and not index.valid and not index.predicate and _begins_with(index, spec):
            return index.name
    return ""


def _serves(index: IndexFacts) -> bool:
    return index.method == "btree" and index.valid and not index.predicate


def _begins_with(index: IndexFacts, spec: IndexSpec) -> bool:
    width = len(spec.columns)
    return index.columns[:width] == spec.columns and _same_directions(index.descending, spec.descending, width)


def _same_directions(one: tuple[bool, ...], other: tuple[bool, ...], width: int) -> bool:
    first = [*one, *([False] * width)][:width]
    second = [*other, *([False] * width)][:width]
    return first == second or all(a != b for a, b in zip(first, second, strict=True))
