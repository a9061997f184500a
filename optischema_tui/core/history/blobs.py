"""Larger values as one blob each."""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
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

_READ_AT = "read_at"
"""Column beside the counters: when a row of the tail was read last, 0 for one that this very snapshot read."""


def pack_snapshot(snapshot: Snapshot, gone: Sequence[int] = ()) -> bytes:
    """One line of JSON (the snapshot without its samples, and the columns' names and types), then the columns.

    With `gone` it is the change of an earlier one: places of the samples in it and its changes that are no longer so,
    and the new samples.
    """
    names, columns = [], []
    for name, values in _values(snapshot):
        if any(values):
            columns.append(_column(values))
            names.append([name, columns[-1].typecode])
    head = {
        "snapshot": encode(replace(snapshot, statements=(), read_before={})),
        "columns": names,
        "rows": len(snapshot.statements),
        "order": sys.byteorder,
        "gone": list(gone),
        "read_since": min(snapshot.read_before.values(), default=None),
    }
    text = json.dumps(head, separators=(",", ":"), default=float)
    return b"\n".join((text.encode("ascii"), b"".join(column.tobytes() for column in columns)))


def _values(snapshot: Snapshot) -> Iterator[tuple[str, list[Any]]]:
    for name, read in _COLUMNS:
        yield name, list(map(read, snapshot.statements))
    if snapshot.read_before:
        yield _READ_AT, [snapshot.read_before.get(sample.key, 0.0) for sample in snapshot.statements]


@dataclass(frozen=True, slots=True)
class _Part:
    """A snapshot written whole, or a change of one."""

    snapshot: Snapshot
    samples: tuple[StatementSample, ...]
    read_at: list[float]
    gone: tuple[int, ...]
    read_since: float | None
    """No row of the view was read before; None when every row was read in this snapshot."""


def unpack_snapshot(body: bytes, changes: Sequence[bytes] = ()) -> Snapshot | None:
    """The snapshot back, with its changes applied one after the other; None when another version of the program or
    damage made it unreadable.

    A sample that no change names may have been read again since and found the same: then its `read_before` is the
    earliest that it can be, and its counters are those of then as well.
    """
    samples: list[StatementSample] = []
    read_at: list[float] = []
    gone: set[int] = set()
    newest: _Part | None = None
    for part in map(_unpack, (body, *changes)):
        if part is None:
            return None
        newest = part
        samples += part.samples
        read_at += part.read_at
        gone.update(part.gone)
    if newest is None:
        return None
    stayed = [place for place in range(len(samples)) if place not in gone]
    read_before = {}
    if newest.read_since is not None:
        for place in stayed:
            at = max(read_at[place], newest.read_since)
            if at < newest.snapshot.server_clock:
                read_before[samples[place].key] = at
    statements = tuple(samples[place] for place in stayed)
    return replace(newest.snapshot, statements=statements, read_before=read_before)


def _unpack(body: bytes) -> _Part | None:
    line, _, data = body.partition(b"\n")
    try:
        head = json.loads(line)
        rows, width = int(head["rows"]), int(head["rows"]) * 8
        if head["order"] != sys.byteorder or len(data) != width * len(head["columns"]):
            return None
        known: dict[str, list[Any]] = {}
        for place, (name, typecode) in enumerate(head["columns"]):
            known[name] = array(typecode, data[place * width : (place + 1) * width]).tolist()
        snapshot = decode(Snapshot, head["snapshot"])
        read_at = [at or snapshot.server_clock for at in known.get(_READ_AT, [0.0] * rows)]
        gone, since = tuple(map(int, head.get("gone", ()))), head.get("read_since")
        return _Part(snapshot, _samples(known, rows), read_at, gone, None if since is None else float(since))
    except (DecodeError, ValueError, TypeError, KeyError, RecursionError):
        return None


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
