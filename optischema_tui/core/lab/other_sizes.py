"""How large indexes of the other methods become, roughly: their planner cost depends little on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from optischema_tui.core.lab.distribution import Spread
from optischema_tui.core.lab.sparse import align8

_ROOM = 8144
_HASH_ITEM = 20
_PAGES_PER_RANGE = 128
_REVMAP = 1360
"""Ranges that one page of a BRIN's map covers."""
_POSTING_TREE = 2700
"""Bytes above which a list of addresses gets pages of its own."""


@dataclass(frozen=True, slots=True)
class Elements:
    """What a GIN index keeps of each row: keys per row, how many differ in all, and their mean bytes."""

    per_row: float
    distinct: float
    width: float


def brin_pages(heap_pages: float, width: float) -> int:
    """Metapage, map, and one tuple of two values of `width` bytes for each 128 pages of the table."""
    ranges = max(1, ceil(heap_pages / _PAGES_PER_RANGE))
    return 1 + ceil(ranges / _REVMAP) + ceil(ranges * (align8(8 + 2 * width) + 4) / _ROOM)


def hash_pages(rows: float, kinds: Spread) -> int:
    """Buckets as _hash_init_metabuffer makes them for `rows`, and the overflow pages of full ones (hashpage.c)."""
    per_page = _ROOM // _HASH_ITEM
    buckets = _buckets(ceil(rows / (8192 * 3 // 4 // _HASH_ITEM)))
    overflow = sum(kind.count * max(0.0, kind.share * rows / per_page - 0.5) for kind in kinds)
    mean = rows / buckets
    overflow += buckets * max(0.0, mean / per_page - 0.85) if not overflow else 0.0
    return 2 + buckets + ceil(overflow)


def _buckets(least: int) -> int:
    """Buckets come in powers of two, from 512 on in quarters between them (_hash_spareindex)."""
    total = 2
    while total < least and total < 512:
        total *= 2
    while total < least:
        step = total // 4
        for _ in range(4):
            if total < least:
                total += step
    return total


def gin_pages(rows: float, heap_pages: float, elements: Elements) -> int:
    """Entry tuples with their compressed lists of addresses, pages two thirds full as random inserts leave them."""
    entries = rows * elements.per_row
    distinct = max(1.0, min(elements.distinct, entries))
    per_key = max(1.0, entries / distinct)
    # Addresses are stored as differences of (block x 2048 + line), 7 bits a byte.
    step = max(1.0, 2048 * heap_pages / per_key)
    list_bytes = 8 + (per_key - 1) * ceil(max(1.0, log2(step)) / 7)
    if list_bytes > _POSTING_TREE:
        tuples = distinct * (align8(8 + elements.width) + 12)
        return 2 + ceil(tuples / (_ROOM * 0.7)) + ceil(distinct * max(1.0, list_bytes / (_ROOM * 0.75)))
    return 2 + ceil(distinct * (align8(8 + elements.width + list_bytes) + 4) / (_ROOM * 0.7))


def gist_pages(rows: float, width: float) -> int:
    """Leaves two thirds full, and one page above a hundred of them."""
    leaves = ceil(rows * (align8(width + 8) + 4) / (_ROOM * 0.7))
    return max(1, leaves) + ceil(leaves / 100)
