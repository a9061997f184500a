"""How large a B-tree is that CREATE INDEX built: the arithmetic of nbtsort.c and nbtdedup.c on expected values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, expm1

from optischema_tui.core.lab.distribution import Spread, poisson
from optischema_tui.core.lab.image import ColumnStatistics, Relation
from optischema_tui.core.lab.sparse import align8

_ALIGN = {"c": 1, "s": 2, "i": 4, "d": 8}
SHORT_VARLENA = 127
_PAGE = 8192
_ROOM = 8144
"""Bytes of a page for tuples and their line pointers: less header, special space, high key's and next line pointer."""
_INNER_FULL = _PAGE * 30 // 100
_POSTING_LIMIT = 808
"""Bytes that one posting tuple may take: a tenth of a page, less a line pointer, aligned."""
_TID = 6
_LINE_POINTER = 4
UNKNOWN_WIDTH = 17
"""Bytes assumed for an expression without statistics."""
_RARE = 1e-3
"""Rows per key so few that no key has two."""
_MANY = 24.0
"""Rows per key from which their exact number no longer matters."""


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
        if field.length > 0 or field.width > SHORT_VARLENA:
            step = _ALIGN.get(field.alignment, 8)
            offset = (offset + step - 1) // step * step
        offset += field.length if field.length > 0 else field.width
    return offset


@dataclass(frozen=True, slots=True)
class Tuples:
    """What the tuples of an index are like."""

    size: float
    """Mean bytes of one, header included, aligned, without its line pointer."""
    pivot: float
    """The same of a tuple on an inner page."""
    even: bool = False
    """All are of one size."""


@dataclass(frozen=True, slots=True)
class Size:
    """Pages of 8 kB, and levels above the leaves (B-trees only)."""

    pages: int
    height: int = 0


@dataclass(frozen=True, slots=True)
class Entries:
    """`rows` entries whose keys are spread as `kinds`. `counted`: those are what ANALYZE counted in these very rows,
    not what chance would make of them; equal keys are then equally frequent."""

    rows: float
    kinds: Spread
    tuples: Tuples
    counted: bool = False


def btree_size(entries: Sequence[Entries], *, dedup: bool, fill: int = 90) -> Size:
    """Size of a freshly built B-tree of all `entries`; `fill` is its fillfactor.

    `dedup`: equal keys may be merged into posting tuples (allequalimage, no included columns).
    """
    entries = [part for part in entries if part.rows >= 1]
    if not entries:
        return Size(2)
    free = _PAGE * (100 - fill) // 100
    leaves, rows = 0.0, sum(part.rows for part in entries)
    for part in entries:
        size, items = part.rows * (part.tuples.size + _LINE_POINTER), part.rows
        if dedup:
            size, items = _merged_bytes(part)
        leaves += size / _leaf_room(size / items, part.tuples, free)
    pivot = sum(part.rows * part.tuples.pivot for part in entries) / rows
    inner, height = _above(max(1, ceil(leaves)), pivot)
    return Size(1 + max(1, ceil(leaves)) + inner, height)


def _above(leaves: int, pivot: float) -> tuple[int, int]:
    """Pages and levels above `leaves`, of inner tuples of `pivot` bytes."""
    fan_out = max(2.0, (_ROOM - _INNER_FULL) // (pivot + _LINE_POINTER))
    nodes, pages, levels = leaves, 0, 0
    while nodes > 1:
        nodes = ceil(nodes / fan_out)
        pages += nodes
        levels += 1
    return pages, levels


def _leaf_room(item: float, tuples: Tuples, free: int) -> float:
    """Bytes of tuples that a leaf keeps on average, tuples being `item` bytes with their line pointers.

    A leaf is finished when less than `free` would be left, and hands its last tuple to the next one. The posting list
    of that tuple counts as free, for the high key that takes its place has none.
    """
    posting = max(0.0, item - _LINE_POINTER - tuples.size)
    room = max(item, _ROOM - max(free - posting, item + _LINE_POINTER if posting else 0.0))
    if tuples.even or posting > _POSTING_LIMIT / 2:
        return max(1, int(room / item)) * item
    return max(item, room - item / 2)


def _merged_bytes(part: Entries) -> tuple[float, float]:
    """Bytes and number of all tuples once those of equal keys are merged into posting tuples."""
    size = items = 0.0
    base = round(part.tuples.size, 1)
    for kind in part.kinds:
        mean = kind.share * part.rows
        if mean < _RARE:
            key_size, key_items = mean * (base + _LINE_POINTER), mean
        elif part.counted:
            seen = -expm1(-mean)
            key_size, key_items = (seen * each for each in _even_bytes(float(f"{mean / seen:.4g}"), base))
        else:
            key_size, key_items = _key_bytes(float(f"{mean:.3g}"), base)
        size += kind.count * key_size
        items += kind.count * key_items
    return size, max(items, 1e-9)


def _even_bytes(mean: float, base: float) -> tuple[float, float]:
    """Bytes and tuples of one key among some that have `mean` rows on average, and about as many each."""
    if mean > _MANY:
        return _posting_bytes(mean, base)
    low = int(mean)
    (size, items), (size_more, items_more) = _posting_bytes(low, base), _posting_bytes(low + 1, base)
    part = mean - low
    return size + part * (size_more - size), items + part * (items_more - items)


@lru_cache(maxsize=8192)
def _key_bytes(mean: float, base: float) -> tuple[float, float]:
    """Expected bytes and tuples of one key that has `mean` rows on average."""
    if mean > _MANY:
        return _posting_bytes(mean, base)
    size = items = 0.0
    for number, chance in enumerate(poisson(mean)):
        if number:
            key_size, key_items = _posting_bytes(number, base)
            size += chance * key_size
            items += chance * key_items
    return size, items


def _posting_bytes(rows: float, base: float) -> tuple[float, float]:
    """Bytes and number of the tuples that hold `rows` rows of one key."""
    most = max(1, int((_POSTING_LIMIT - base) // _TID))
    if most < 2:
        return rows * (base + _LINE_POINTER), rows
    full, rest = divmod(rows, most)
    size = full * (base + align8(_TID * most) + _LINE_POINTER)
    if rest >= 1.5:
        return size + base + align8(_TID * rest) + _LINE_POINTER, full + 1
    return size + min(rest, 1.0) * (base + _LINE_POINTER), full + min(rest, 1.0)
