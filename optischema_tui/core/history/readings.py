"""What the other query families read: cumulative tables, so that thinning them out is keeping the last of each bucket.

A reading that is the same as the one before is not stored again: the one before is then known to hold until later.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from optischema_tui.core.history.blobs import pack, unpack
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.privacy import query_head, storable
from optischema_tui.core.models import Reading

TIERS = (0, 3600, 86400)
WEIGHED = 16
"""Every so many new readings all of them are weighed, which looks at each row."""
_TEXTS = ("query", "statement")
"""Columns with the beginning of a query."""
_NAMES = frozenset({"tables", "indexes", "sizes", "database", "io", "wal", "checkpointer"})
"""Families that hold names and figures only: no secret to look for in thousands of rows."""


def insert_reading(connection: sqlite3.Connection, fingerprint: str, reading: Reading, limits: Limits) -> None:
    """Store it, or that the newest of its family still holds."""
    body = pack(replace(_private(reading), taken_at=0.0, monotonic=0.0, server_clock=0.0))
    digest = blake2b(body, digest_size=12).hexdigest()
    at, times = reading.taken_at, json.dumps([reading.taken_at, reading.monotonic, reading.server_clock])
    row = connection.execute(
        "SELECT id, digest FROM reading WHERE fingerprint = ? AND family = ? ORDER BY at DESC LIMIT 1",
        (fingerprint, reading.family),
    ).fetchone()
    if row and row[1] == digest:
        connection.execute("UPDATE reading SET until = ?, last = ? WHERE id = ?", (at, times, row[0]))
        return
    cursor = connection.execute(
        "INSERT INTO reading (fingerprint, family, at, until, first, last, digest, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (fingerprint, reading.family, at, at, times, times, digest, body),
    )
    if cursor.lastrowid and cursor.lastrowid % WEIGHED == 0:
        _hold_share(connection, limits)


def _private(reading: Reading) -> Reading:
    texts = frozenset(place for place, name in enumerate(reading.columns) if name in _TEXTS)
    if reading.family in _NAMES and not texts:
        return reading
    rows = tuple(
        tuple(
            value if not isinstance(value, str) else query_head(value) if place in texts else storable(value)
            for place, value in enumerate(row)
        )
        for row in reading.rows
    )
    return replace(reading, rows=rows)


def read_at(connection: sqlite3.Connection, fingerprint: str, family: str, at: float) -> Reading | None:
    """The newest reading that was taken at or before `at`; its times are those of the last time it was found so."""
    found = _read(connection, fingerprint, family, -math.inf, at, newest=True)
    return found[0] if found else None


def read_before(connection: sqlite3.Connection, fingerprint: str, family: str, at: float) -> Reading | None:
    """The newest that was taken before `at`: the earlier side of a rate."""
    found = _read(connection, fingerprint, family, -math.inf, math.nextafter(at, -math.inf), newest=True)
    return found[0] if found else None


def read_between(
    connection: sqlite3.Connection, fingerprint: str, family: str, since: float, until: float
) -> list[Reading]:
    """Those taken after `since` up to `until`, the oldest first."""
    return _read(connection, fingerprint, family, since, until)


def _read(
    connection: sqlite3.Connection, fingerprint: str, family: str, since: float, until: float, *, newest: bool = False
) -> list[Reading]:
    rows = connection.execute(
        "SELECT body, until, first, last FROM reading WHERE fingerprint = ? AND family = ? AND at > ? AND at <= ?"
        f" ORDER BY at {'DESC LIMIT 1' if newest else 'ASC'}",
        (fingerprint, family, since, until),
    )
    found = []
    for body, last_at, first, last in rows:
        reading = unpack(Reading, body)
        if reading is not None:
            found.append(_whole(reading, last if last_at <= until else first))
    return found


def _whole(reading: Reading, times: str) -> Reading:
    """JSON has no tuples: a list among the values was one."""
    rows = tuple(tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in reading.rows)
    taken_at, monotonic, server_clock = json.loads(times)
    return replace(reading, rows=rows, taken_at=taken_at, monotonic=monotonic, server_clock=server_clock)


# --- thinning out ---


def thin_readings(connection: sqlite3.Connection, now: float, limits: Limits, steps: int = 3) -> None:
    """A few buckets that are old: the last of each family stays."""
    oldest: Sequence[float] = [now - seconds for seconds in limits.readings]
    for _ in range(steps):
        if not _thin_one(connection, oldest):
            break
    connection.execute(
        "DELETE FROM reading WHERE id IN (SELECT id FROM reading WHERE tier = ? AND until < ? LIMIT ?)",
        (TIERS[-1], oldest[-1], limits.statements_a_save),
    )


def _thin_one(connection: sqlite3.Connection, oldest: Sequence[float]) -> bool:
    for tier, above, before in zip(TIERS, TIERS[1:], oldest, strict=False):
        row = connection.execute(
            "SELECT fingerprint, family, at FROM reading WHERE tier = ? AND until < ? ORDER BY at LIMIT 1",
            (tier, before),
        ).fetchone()
        if row is None:
            continue
        fingerprint, family, at = row
        end = math.ceil(at / above) * above
        ids = [
            found[0]
            for found in connection.execute(
                "SELECT id FROM reading WHERE fingerprint = ? AND family = ? AND at > ? AND at <= ? AND tier <= ?"
                " AND until < ? ORDER BY at DESC",
                (fingerprint, family, end - above, end, above, before),
            )
        ]
        connection.execute("UPDATE reading SET tier = ? WHERE id = ?", (above, ids[0]))
        connection.executemany("DELETE FROM reading WHERE id = ?", [(number,) for number in ids[1:]])
        return True
    return False


def _hold_share(connection: sqlite3.Connection, limits: Limits) -> None:
    """Forget the oldest when readings take more than their share of the file, never the newest of a family."""
    size = connection.execute("SELECT coalesce(sum(length(body)), 0) FROM reading").fetchone()[0]
    if size > limits.readings_share * limits.bytes:
        connection.execute(
            "DELETE FROM reading WHERE id IN (SELECT r.id FROM reading r WHERE EXISTS (SELECT 1 FROM reading later"
            " WHERE later.fingerprint = r.fingerprint AND later.family = r.family AND later.at > r.at)"
            " ORDER BY r.at LIMIT ?)",
            (2 * WEIGHED,),
        )
