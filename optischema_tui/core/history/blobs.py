"""Larger values as one blob each."""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any, TypeVar

from optischema_tui.core.history.codec import DecodeError, decode, encode
from optischema_tui.core.history.privacy import storable
from optischema_tui.core.models import Picture, Snapshot, StatementKey, StatementSample

T = TypeVar("T")

PICTURE_ROWS = 500
PICTURE_TEXT = 4000
"""Characters of a statement's text in a stored picture: it is looked at, not planned."""


def pack(value: Any) -> bytes:
    """A dataclass as compressed JSON."""
    text = json.dumps(encode(value), separators=(",", ":"), default=float)
    return zlib.compress(text.encode("ascii"), 1)


def unpack(kind: type[T], body: bytes) -> T | None:
    """The dataclass back; None when another version of the program or damage made it unreadable."""
    try:
        return decode(kind, json.loads(zlib.decompress(body)))
    except (DecodeError, ValueError, zlib.error, TypeError, RecursionError):
        return None


def thin(picture: Picture) -> Picture:
    """What of a picture is worth keeping for the next start."""
    rows = tuple(replace(row, text=storable(row.text[:PICTURE_TEXT])) for row in picture.rows[:PICTURE_ROWS])
    return replace(picture, rows=rows)


# --- snapshots: by column, since thousands of samples as JSON would take longer than the tick may ---


def pack_snapshot(snapshot: Snapshot, gone: Sequence[int] = ()) -> bytes:
    """One line of JSON (the snapshot without its samples, and the columns' names and types), then the columns.

    With `gone` it is the change of a base: places of the samples in it that are no longer so, and the new ones.
    """
    names, columns = [], []
    for name, read in _COLUMNS:
        values = [read(sample) for sample in snapshot.statements]
        if any(values):
            columns.append(_column(values))
            names.append([name, columns[-1].typecode])
    head = {
        "snapshot": encode(replace(snapshot, statements=())),
        "columns": names,
        "rows": len(snapshot.statements),
        "order": sys.byteorder,
        "gone": list(gone),
    }
    text = json.dumps(head, separators=(",", ":"), default=float)
    return b"\n".join((text.encode("ascii"), b"".join(column.tobytes() for column in columns)))


def unpack_snapshot(body: bytes, change: bytes = b"") -> Snapshot | None:
    """The snapshot back, with the change of it applied; None when another version of the program or damage made it
    unreadable."""
    snapshot, _ = _unpack(body)
    if not change or snapshot is None:
        return snapshot
    later, gone = _unpack(change)
    if later is None:
        return None
    stayed = tuple(sample for place, sample in enumerate(snapshot.statements) if place not in gone)
    return replace(later, statements=stayed + later.statements)


def _unpack(body: bytes) -> tuple[Snapshot | None, frozenset[int]]:
    line, _, data = body.partition(b"\n")
    try:
        head = json.loads(line)
        rows, width = int(head["rows"]), int(head["rows"]) * 8
        if head["order"] != sys.byteorder or len(data) != width * len(head["columns"]):
            return None, frozenset()
        known: dict[str, list[Any]] = {}
        for place, (name, typecode) in enumerate(head["columns"]):
            known[name] = array(typecode, data[place * width : (place + 1) * width]).tolist()
        snapshot = replace(decode(Snapshot, head["snapshot"]), statements=_samples(known, rows))
        return snapshot, frozenset(head.get("gone", ()))
    except (DecodeError, ValueError, TypeError, KeyError, RecursionError):
        return None, frozenset()


def _column(values: list[Any]) -> array[Any]:
    if not isinstance(values[0], float):
        try:
            return array("q", values)
        except (TypeError, OverflowError):
            pass
    return array("d", values)


def _samples(known: dict[str, list[Any]], rows: int) -> tuple[StatementSample, ...]:
    zeros = [0] * rows
    keys = map(
        StatementKey,
        *(known.get(name, zeros) for name in ("userid", "dbid", "queryid")),
        map(bool, known.get("toplevel", zeros)),
    )
    columns = [known.get(name, _ZERO[name] * rows) for name, _ in _COLUMNS[4:]]
    return tuple(map(StatementSample, keys, *columns))


_KEY_COLUMNS = tuple((name, attrgetter(f"key.{name}")) for name in ("userid", "dbid", "queryid", "toplevel"))
_COUNTERS = tuple(field for field in fields(StatementSample) if field.name != "key")
_COLUMNS = _KEY_COLUMNS + tuple((field.name, attrgetter(field.name)) for field in _COUNTERS)
_ZERO = {field.name: [field.default] for field in _COUNTERS}
