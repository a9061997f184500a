"""Indexes that hold all that a statement reads of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optischema_tui.core.advise.propose.columns import column_of
from optischema_tui.core.advise.propose.draft import Draft, plain
from optischema_tui.core.advise.propose.view import View, key_distinct
from optischema_tui.core.advise.reading.use import Key
from optischema_tui.core.models import TableFacts

MAX_INCLUDE = 3
"""Columns ..."""
MAX_INCLUDE_BYTES = 64
"""... and their average width together."""
MIN_VISIBLE = 0.5
"""Below this share of all-visible pages an index-only scan reads most of the table all the same."""
MAX_NARROW = 0.5
"""An index read from end to end must be this much narrower than the table's rows."""
MIN_LOOKED_UP = 8
"""Rows that one lookup finds: fewer are read from the table about as fast."""
_SMALL_TABLE_COLUMNS = 3
"""A wider table's index with every column in it would be a copy of the table."""
_ROW_HEADER = 28
_ENTRY_HEADER = 12


def covering(view: View, draft: Draft) -> Draft | None:
    """`draft` with the rest of what the use reads as INCLUDE columns; None where there is nothing or too much of it."""
    rest = _rest(view, draft)
    if not rest or len(rest) + len(draft.include) > MAX_INCLUDE or view.table.all_visible < MIN_VISIBLE:
        return None
    if draft.method != "btree" or width(view.table, rest) > MAX_INCLUDE_BYTES:
        return None
    whole = len(draft.columns()) + len(rest) >= len(view.table.columns) > _SMALL_TABLE_COLUMNS
    if whole or _finds_few(view, draft):
        return None
    reason = f"{', '.join(rest)} included: all that the statement reads is in the index, so the table is not read."
    return Draft(draft.parts, (*draft.include, *rest), draft.predicate, draft.method, (*draft.reasons, reason))


def _finds_few(view: View, draft: Draft) -> bool:
    """One lookup with values for all keys, by the distinct values of each: a join makes many such lookups."""
    if not draft.keys or not set(draft.keys) <= set(view.equal):
        return False
    rows = max(view.table.rows, 1.0)
    for key in draft.keys:
        rows /= max(1.0, key_distinct(view.table, key))
    return rows < MIN_LOOKED_UP


def _rest(view: View, draft: Draft) -> tuple[str, ...]:
    needed = view.needed()
    return tuple(sorted(needed - draft.columns())) if needed is not None else ()


def appended(view: View, drafts: Sequence[Draft], most: int) -> Iterator[Draft]:
    """What INCLUDE does, with keys only: each needed column, and all of them, behind the keys of each draft."""
    for draft in drafts:
        rest = _rest(view, draft)
        room = most - len(draft.parts)
        if not rest or room < 1:
            continue
        tails = [rest[:room], *((name,) for name in rest)] if len(rest) <= room else [(name,) for name in rest]
        for tail in dict.fromkeys(tails):
            reason = f"{', '.join(tail)} last: read from the index instead of the table."
            keys = plain([Key(name) for name in tail if has_btree(view.table, name)])
            if keys:
                yield Draft((*draft.parts, *keys), reasons=(*draft.reasons, reason))


def narrow(view: View, most_keys: int) -> Draft | None:
    """The narrowest index that a use without a condition to look up could read instead of the table."""
    needed = view.needed()
    if (
        needed is None
        or view.table.all_visible < MIN_VISIBLE
        or not all(_is_scalar(view.table, name) for name in needed)
    ):
        return None
    names = sorted(needed) or _narrowest(view.table)
    if not names or len(names) > 1 + MAX_INCLUDE or not is_narrow(view.table, names):
        return None
    first = next((name for name in names if has_btree(view.table, name)), "")
    rest = [name for name in names if name != first]
    if not first:
        return None
    reason = "The statement reads so little of each row that reading all of the index beats reading the table."
    if most_keys < 4:  # plain B-trees only
        return (
            Draft(plain([Key(name) for name in [first, *rest]]), reasons=(reason,)) if len(names) <= most_keys else None
        )
    return Draft(plain([Key(first)]), tuple(rest), reasons=(reason,))


def is_narrow(table: TableFacts, names: Sequence[str]) -> bool:
    """Whether an index of these columns is much narrower than the table."""
    row = _ROW_HEADER + sum(column.avg_width for column in table.columns)
    return _ENTRY_HEADER + width(table, names) <= MAX_NARROW * row


def width(table: TableFacts, names: Sequence[str]) -> int:
    """Average bytes of these columns together."""
    return sum(column.avg_width for name in names if (column := column_of(table, name)) is not None)


def has_btree(table: TableFacts, name: str) -> bool:
    column = column_of(table, name)
    return column is not None and column.has_btree


def _is_scalar(table: TableFacts, name: str) -> bool:
    column = column_of(table, name)
    return column is not None and column.type_name not in ("jsonb", "json", "xml") and "[" not in column.type_name


def _narrowest(table: TableFacts) -> list[str]:
    able = [column for column in table.columns if column.has_btree]
    return [min(able, key=lambda column: (not column.not_null, column.avg_width, column.name)).name] if able else []
