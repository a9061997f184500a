"""What the tuples of an index weigh, from the values that ANALYZE kept."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from optischema_tui.core.lab.arrays import parse_array
from optischema_tui.core.lab.image import ColumnStatistics
from optischema_tui.core.lab.size_model import SHORT_VARLENA, UNKNOWN_WIDTH, Field, Tuples, fields_width
from optischema_tui.core.lab.sparse import align8

SAMPLES = 64
_STRIDES = (1, 27, 45, 11, 37, 53, 19, 7)
"""Odd, so that each walks through all samples; columns then vary independently of each other."""
_TEXTS = re.compile(r"(text|varchar|character varying|bpchar|character|\"char\"|.*\.citext|citext)(\(|\Z)")
_NUMERIC = re.compile(r"(numeric|decimal)(\(|\Z)")
_COMPRESSED_FROM = 510
"""An index compresses a value above a sixteenth of a page."""
_WORTH = 0.75
_TRIED = 20
"""Long values that are compressed to see what it brings."""
_UNKNOWN_NUMERIC = 7
_PGLZ = 1.15
"""PostgreSQL's own compression leaves about this much more than zlib's fastest."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One column of an index: its type's length and alignment as in pg_attribute, and widths of its values in bytes.

    `widths` is one width for all values, or `SAMPLES` of them; None is NULL.
    """

    length: int
    alignment: str
    widths: tuple[int | None, ...]


NULL = Shape(-1, "i", (None,))


def shape(length: int, alignment: str, kind: str, row: ColumnStatistics | None) -> Shape:
    """The shape of a column of type `kind` (as format_type prints it) with the statistics `row`."""
    null_share = row.null_frac if row is not None else 0.0
    if length > 0:
        widths: tuple[int | None, ...] = (length,)
    elif row is None:
        widths = (_UNKNOWN_NUMERIC if _NUMERIC.match(kind) else UNKNOWN_WIDTH,)
    else:
        widths = _sampled(row, kind) or (max(1, row.width),)
    nulls = round(null_share * SAMPLES)
    if nulls:
        values = SAMPLES - nulls
        return Shape(length, alignment, (*(widths[i * len(widths) // values] for i in range(values)), *[None] * nulls))
    return Shape(length, alignment, widths)


def without_nulls(one: Shape) -> Shape:
    """The same with its NULLs left out."""
    widths = tuple(width for width in one.widths if width is not None)
    return Shape(one.length, one.alignment, widths or (one.length if one.length > 0 else UNKNOWN_WIDTH,))


def tuples_of(keys: Sequence[Shape], include: Sequence[Shape] = (), *, telling: int | None = None) -> Tuples:
    """Mean sizes of the tuples. `telling`: so many keys tell neighbours apart, inner pages hold no more; None: none do,
    and inner pages hold a row's address too."""
    columns = [*keys, *include]
    varied = any(len(column.widths) > 1 for column in columns)
    sizes = [_size(columns, i) for i in range(SAMPLES)] if varied else [_size(columns, 0)]
    kept = keys[:telling] if telling is not None else keys
    pivots = sizes
    if len(kept) < len(columns):
        pivots = [_size(kept, i) for i in range(SAMPLES)] if varied else [_size(kept, 0)]
    tail = 8 if telling is None else 0
    return Tuples(sum(sizes) / len(sizes), sum(pivots) / len(pivots) + tail, len(set(sizes)) == 1)


def _size(columns: Sequence[Shape], number: int) -> int:
    fields, some_null = [], False
    for position, column in enumerate(columns):
        stride = _STRIDES[position % len(_STRIDES)]
        width = column.widths[(number * stride + position) % SAMPLES % len(column.widths)]
        if width is None:
            some_null = True
        else:
            fields.append(Field(column.length, column.alignment, width))
    return align8((16 if some_null else 8) + fields_width(fields))


def _sampled(row: ColumnStatistics, kind: str) -> tuple[int, ...]:
    """Widths of `SAMPLES` values as frequent as in the table; empty where the values' texts do not tell them."""
    if not (_TEXTS.match(kind) or _NUMERIC.match(kind)):
        return ()
    common = parse_array(row.common_values or "{}")
    shares = [float(share) for share in parse_array(row.common_freqs or "{}")]
    bounds = parse_array(row.histogram or "{}")
    rest = max(0.0, 1.0 - row.null_frac - sum(shares))
    weighed = [(share, value) for share, value in zip(shares, common, strict=False)]
    weighed += [(rest / len(bounds), value) for value in bounds]
    total = sum(weight for weight, _ in weighed)
    if total <= 0:
        return ()
    measure = _numeric_width if _NUMERIC.match(kind) else _text_width
    widths = sorted((measure(value), weight) for weight, value in weighed)
    mean = sum(width * weight for width, weight in widths) / total
    # avg_width is the mean cut to an integer.
    factor = 1.0 if row.width <= mean < row.width + 1 or not mean else (row.width + 0.5) / mean
    edges = list(accumulate(weight / total for _, weight in widths))
    found, at = [], 0
    for i in range(SAMPLES):
        while at < len(edges) - 1 and edges[at] < (i + 0.5) / SAMPLES:
            at += 1
        found.append(widths[at][0])
    if factor != 1.0:
        found = [max(1, round(width * factor)) for width in found]
    if max(found) > _COMPRESSED_FROM and measure is _text_width:
        share = _packed([value for _, value in weighed])
        found = [max(1, round(width * share)) if width > _COMPRESSED_FROM else width for width in found]
    return (found[0],) if len(set(found)) == 1 else tuple(found)


def _text_width(value: str) -> int:
    size = len(value.encode("utf-8", "replace"))
    return size + (1 if size < SHORT_VARLENA else 4)


def _packed(values: Sequence[str]) -> float:
    """What compression leaves of long values, as a part of them; 1 where it is not worth it."""
    data = [value.encode("utf-8", "replace") for value in values]
    data = [value for value in data if len(value) > _COMPRESSED_FROM][:_TRIED]
    if not data:
        return 1.0
    share = sum(len(zlib.compress(value, 1)) * _PGLZ + 8 for value in data) / sum(map(len, data))
    return share if share < _WORTH else 1.0


def _numeric_width(value: str) -> int:
    """Short header and base-10,000 digits; zero digits at either end are not stored."""
    digits = value.lstrip("-").lower()
    if not digits.replace(".", "", 1).isdigit():
        return 3
    whole, _, part = digits.partition(".")
    whole = whole.lstrip("0")
    groups = [whole[max(0, end - 4) : end] for end in range(len(whole), 0, -4)][::-1]
    groups += [part[start : start + 4].ljust(4, "0") for start in range(0, len(part), 4)]
    while groups and not groups[-1].strip("0"):
        groups.pop()
    while groups and not groups[0].strip("0"):
        groups.pop(0)
    return 3 + 2 * len(groups)
