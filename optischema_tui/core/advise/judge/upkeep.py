"""What keeping an index up to date costs the workload."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.advise.judge.writes import TableWrites
from optischema_tui.core.models import ColumnFacts, IndexFacts, IndexSpec, TableFacts
from optischema_tui.core.workload.lexer import identifier, significant

ASCENDING_US, SCATTERED_US, TEXT_US = 0.5, 2.9, 6.0
"""Microseconds for one entry of a B-tree: keys that come in order, fixed-width keys anywhere, keys of text.

Measured on PostgreSQL 15 and 18 by benchmarks/index_upkeep.py as the server's CPU: 0.2-0.4, 1.7-2.8 and 2.9-3.7. That
is the least, with all pages in memory and no disk to wait for. By the clock, on a busy machine with a million rows, a
scattered int took 2.9 and a random text of 32 characters 10.1: these constants lie between the two.
"""
FURTHER_KEY_US = 0.6
"""For each key after the first, and each included column."""
METHOD_US = {"hash": 2.0, "brin": 0.1, "gin": 4.0, "gist": 8.0}
"""For one row of the table, whatever the keys (CPU measured: 1.2, 0.1 and 0.9-2.5); a GIN's share of its pending list
included. GiST is not measured."""
VACUUM_US = 0.3
"""For one dead entry, until it is removed."""
REJECTED_US = 0.1
"""For a row that does not match a partial index: its condition is looked at."""
HOT_UNKNOWN = 0.5
"""0-1: updates that stay in their page, for a table without counters."""
_TEXT = ("text", "character", "citext", "bytea", "name", "numeric", "json")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an index spec and an existing index have in common."""

    method: str
    first: str
    """The first key: a column's name, or an expression."""
    width: int
    """Keys and included columns."""
    columns: frozenset[str]
    """All columns that it depends on, those in its condition and its expressions too."""
    partial: bool

    @property
    def summarizing(self) -> bool:
        """Updates of its columns may stay HOT (16 and later)."""
        return self.method == "brin"


def upkeep_ms(
    index: IndexSpec | IndexFacts, table: TableFacts, writes: TableWrites | None, *, matching: float = 1.0
) -> float:
    """Milliseconds of the workload's window that this index costs the writers of its table.

    Of an index that exists: what dropping it would save. `matching` is the share (0-1) of the rows that a partial
    index holds: inserted rows are taken to match (they are new, open, not deleted), updated ones by that share.

    An update puts an entry into every index unless it is HOT, and it cannot be HOT when it sets a column that any
    index depends on. So the first index on a column that is updated is charged with the entries of all others as well.
    """
    if writes is None or not writes.rows:
        return 0.0
    shape = _shape(index, table)
    others = [_shape(each, table) for each in table.indexes if each is not index and each.valid]
    own = entry_us(index, table)
    rejected = REJECTED_US if shape.partial else 0.0
    share = matching if shape.partial else 1.0
    microseconds = writes.inserts * own + writes.deletes * VACUUM_US * share
    held = _held(others)
    hot = _hot_share(table, writes)
    rest = sum(_entry(each, table) for each in others)
    for update in writes.updates:
        touched = bool(update.columns & shape.columns) and not shape.summarizing
        if update.columns & held:
            moved, newly = 1.0, 0.0
        elif touched:
            moved, newly = 1.0, hot
        else:
            moved, newly = 1.0 - hot, 0.0
        entered = 1.0 if touched else share
        each_us = moved * (entered * (own + VACUUM_US) + rejected) + newly * (rest + len(others) * VACUUM_US)
        microseconds += update.rows * each_us
    return microseconds / 1000.0


def entry_us(index: IndexSpec | IndexFacts, table: TableFacts) -> float:
    """Microseconds for one entry of `index`."""
    return _entry(_shape(index, table), table)


def hot_loss(index: IndexSpec, table: TableFacts, writes: TableWrites | None) -> tuple[frozenset[str], float]:
    """(columns whose updates are HOT today and would not be with `index`, rows of such updates in the window)."""
    if writes is None:
        return frozenset(), 0.0
    shape = _shape(index, table)
    held = _held([_shape(each, table) for each in table.indexes if each.valid])
    hit = [each for each in writes.updates if each.columns & shape.columns and not each.columns & held]
    if shape.summarizing or not hit:
        return frozenset(), 0.0
    columns = frozenset(column for each in hit for column in each.columns & shape.columns)
    return columns, _hot_share(table, writes) * sum(each.rows for each in hit)


def _held(shapes: list[_Shape]) -> frozenset[str]:
    return frozenset(column for each in shapes if not each.summarizing for column in each.columns)


def _hot_share(table: TableFacts, writes: TableWrites) -> float:
    """0-1 of the updates that touch no indexed column: those that find room in their page and are HOT.

    The table's counters mix them with updates that cannot be HOT as things are, whose share the statements tell.
    """
    if not table.updates:
        return HOT_UNKNOWN
    held = _held([_shape(each, table) for each in table.indexes if each.valid])
    rows = sum(each.rows for each in writes.updates)
    able = sum(each.rows for each in writes.updates if not each.columns & held)
    share = able / rows if rows else 1.0
    return min(1.0, table.hot_updates / table.updates / share) if share else HOT_UNKNOWN


def _entry(shape: _Shape, table: TableFacts) -> float:
    if shape.method in METHOD_US:
        return METHOD_US[shape.method]
    column = next((each for each in table.columns if each.name == shape.first), None)
    if column is None or column.type_name.startswith(_TEXT):
        first = TEXT_US
    else:
        first = ASCENDING_US if _ascending(column) else SCATTERED_US
    return first + FURTHER_KEY_US * (shape.width - 1)


def _ascending(column: ColumnFacts) -> bool:
    """New rows come at the end of it: a time or a number that lies in the table as it is ordered; or it is one of few
    values, whose entries share pages."""
    return (column.correlation > 0.9 and column.n_distinct < 0) or 0 < column.n_distinct <= 20


def _shape(index: IndexSpec | IndexFacts, table: TableFacts) -> _Shape:
    known = {column.name for column in table.columns}
    texts = [index.predicate, *(key for key in index.columns if key not in known)]
    named = {identifier(token) for text in texts for token in significant(text) if token.kind in ("word", "quoted")}
    columns = frozenset({*index.columns, *index.include} & known | named & known)
    width = len(index.columns) + len(index.include)
    return _Shape(index.method, index.columns[0] if index.columns else "", width, columns, bool(index.predicate))
