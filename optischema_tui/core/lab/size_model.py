"""How large a B-tree becomes that does not exist yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from optischema_tui.core.lab.image import ColumnStatistics, Relation
from optischema_tui.core.lab.sparse import align8

_ALIGN = {"c": 1, "s": 2, "i": 4, "d": 8}
_SHORT_VARLENA = 127
_LEAF = 8152 * 0.9
_INNER_FILL = 0.7
_POSTING_LIMIT = 816
"""Bytes that one posting tuple may take: a tenth of a page."""
_TID = 6
_LINE_POINTER = 4
UNKNOWN_WIDTH = 17
"""Bytes assumed for an expression without statistics."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of an index: `length` as pg_attribute.attlen, `width` the average of what is stored, in bytes."""

    length: int
    alignment: str
    width: int


class Fields:
    """Widths of a table's columns, for the size model."""

    def __init__(self, relations: Mapping[int, Relation], statistics: Iterable[ColumnStatistics]) -> None:
        self._columns = {
            (relation.schema, relation.name): {column.name: column for column in relation.columns}
            for relation in relations.values()
            if relation.kind in "rpm"
        }
        self._widths: dict[tuple[str, str, str], int] = {}
        for row in statistics:
            relation = relations[row.relation]
            self._widths.setdefault((relation.schema, relation.name, row.column), row.width)

    def of(self, schema: str, table: str, names: Sequence[str]) -> list[Field]:
        """Fields of the named columns; what is not a column (an expression) gets an assumed width."""
        found = []
        for name in names:
            column = self._columns.get((schema, table), {}).get(name)
            width = self._widths.get((schema, table, name), UNKNOWN_WIDTH)
            found.append(Field(column.length, column.alignment, width) if column else Field(-1, "i", width))
        return found


def fields_width(fields: Sequence[Field]) -> int:
    """Bytes of the values of one index tuple, with the padding between them, without the tuple's header."""
    offset = 0
    for field in fields:
        if field.length > 0 or field.width > _SHORT_VARLENA:
            step = _ALIGN.get(field.alignment, 8)
            offset = (offset + step - 1) // step * step
        offset += field.length if field.length > 0 else field.width
    return offset


def btree_pages(rows: float, distinct: float, keys: Sequence[Field], include: Sequence[Field], *, dedup: bool) -> int:
    """Pages of a freshly built B-tree of `rows` entries with `distinct` different keys."""
    item = align8(8 + fields_width([*keys, *include]))
    rows, distinct = max(0.0, rows), max(1.0, distinct)
    room = _LEAF - (item + _LINE_POINTER)
    per_key = rows / distinct
    if include or not dedup or per_key <= 1.5:
        leaves = ceil(rows / max(1, int(room / (item + _LINE_POINTER))))
    else:
        leaves = ceil(distinct * _bytes_per_key(per_key, item) / room)
    return max(1, leaves) + inner_pages(max(1, leaves), fields_width(keys)) + 1


def inner_pages(leaves: int, key_width: int) -> int:
    """Pages above `leaves`."""
    fan_out = max(2.0, 8152 * _INNER_FILL / (align8(key_width + 8) + _LINE_POINTER))
    nodes, total = leaves, 0
    while nodes > 1:
        nodes = ceil(nodes / fan_out)
        total += nodes
    return total


def _bytes_per_key(per_key: float, item: int) -> float:
    """Bytes that all entries of one key take once they are merged into posting tuples."""
    most = max(2, (_POSTING_LIMIT - item) // _TID)
    full, rest = divmod(per_key, most)
    size = full * (align8(item + _TID * most) + _LINE_POINTER)
    if rest > 1:
        size += align8(item + _TID * rest) + _LINE_POINTER
    elif rest > 0:
        size += rest * (item + _LINE_POINTER)
    return size
