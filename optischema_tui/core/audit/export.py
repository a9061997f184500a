"""The journal as lines that a short script can verify again without this program.

Each entry keeps its exact body (canonical JSON, as one string), so that for every line
`hash == SHA-256(b"optischema-audit-v1" + len(body).to_bytes(8, "big") + bytes.fromhex(prev) + body)`
and `prev` is the hash of the line before (64 zeros for entry 1). All segments follow one another without a seam.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from optischema_tui.core.clock import iso
from optischema_tui.core.errors import UsageError

COLUMNS = ("seq", "at", "event", "change_id", "body", "prev", "hash")
FORMATS = ("jsonl", "csv")


def lines(rows: Iterable[tuple[Any, ...]], fmt: str) -> Iterator[str]:
    """Raises UsageError for another format than `FORMATS`."""
    if fmt not in FORMATS:
        raise UsageError(f"There is no export format {fmt!r}", todo=f"Choose one of: {', '.join(FORMATS)}")
    return _jsonl(rows) if fmt == "jsonl" else _csv(rows)


def _values(row: tuple[Any, ...]) -> tuple[Any, ...]:
    seq, at, event, change_id, body, prev, hashed = row
    text = body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else str(body)
    return seq, iso(at / 1_000_000) if isinstance(at, int) else "", event, change_id, text, prev, hashed


def _jsonl(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(dict(zip(COLUMNS, _values(row), strict=True)))


def _csv(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield _csv_line(COLUMNS)
    for row in rows:
        yield _csv_line(_values(row))


def _csv_line(values: tuple[Any, ...]) -> str:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="").writerow(values)
    return sink.getvalue()
