"""The newest snapshot of each target: written whole at times, and between as a log of what each tick changed."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass, replace

from optischema_tui.core.history.blobs import pack_snapshot, unpack_snapshot
from optischema_tui.core.models import Snapshot, StatementSample

LONGEST_LOG = 1.0
"""Samples in the log for each of the snapshot; beyond it the snapshot is written whole again."""
MOST_CHANGES = 200
"""Entries of the log: each is a little to write and to read."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a writer has written, to tell the next tick's change of it. Its name is no other program's."""

    name: str
    statements: tuple[StatementSample, ...]
    """Of the newest snapshot."""
    serials: dict[int, int]
    """The place of each of these samples, by its id(), in the snapshot written whole and the log after it."""
    size: int
    """Samples of the snapshot that was written whole."""
    length: int
    """Samples of it and the log."""
    number: int
    """Of the newest entry of the log."""


def write_snapshot(
    connection: sqlite3.Connection,
    snapshot: Snapshot,
    base: Base | None,
    old: list[StatementSample],
    fresh: list[StatementSample],
) -> Base:
    """Make `snapshot` the newest; `old` and `fresh` are the samples that differ between the one before and this one.

    Gives the base of the next one. `base` is used up: it must be thrown away when the transaction fails."""
    if base is not None and base.number < MOST_CHANGES:
        following = None
        if base.length - base.size + len(fresh) <= LONGEST_LOG * base.size:
            following = _append(connection, snapshot, base, old, fresh)
        if following is not None:
            return following  # else another program, or another file, has another base
    fingerprint, name = snapshot.target.fingerprint, secrets.token_hex(8)
    connection.execute(
        "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)", (fingerprint, snapshot.taken_at, pack_snapshot(snapshot))
    )
    connection.execute("DELETE FROM snapshot_log WHERE fingerprint = ?", (fingerprint,))
    connection.execute("INSERT INTO snapshot_log VALUES (?, 0, ?, x'')", (fingerprint, name))
    count = len(snapshot.statements)
    serials = dict(zip(map(id, snapshot.statements), range(count), strict=True))
    return Base(name, snapshot.statements, serials, count, count, 0)


def _append(
    connection: sqlite3.Connection,
    snapshot: Snapshot,
    base: Base,
    old: list[StatementSample],
    fresh: list[StatementSample],
) -> Base | None:
    fingerprint = snapshot.target.fingerprint
    newest = connection.execute(
        "SELECT base, number FROM snapshot_log WHERE fingerprint = ? ORDER BY number DESC LIMIT 1", (fingerprint,)
    ).fetchone()
    if newest != (base.name, base.number):
        return None
    gone = [base.serials[id(sample)] for sample in old]
    change = pack_snapshot(replace(snapshot, statements=tuple(fresh)), gone)
    connection.execute(
        "INSERT INTO snapshot_log VALUES (?, ?, ?, ?)", (fingerprint, base.number + 1, base.name, change)
    )
    connection.execute("UPDATE snapshot SET at = ? WHERE fingerprint = ?", (snapshot.taken_at, fingerprint))
    # Taken over, not copied: there may be 100,000 of them.
    serials = base.serials
    for sample in old:
        del serials[id(sample)]
    serials.update(zip(map(id, fresh), range(base.length, base.length + len(fresh)), strict=True))
    return replace(base, statements=snapshot.statements, length=base.length + len(fresh), number=base.number + 1)


def read_snapshot(connection: sqlite3.Connection, fingerprint: str) -> Snapshot | None:
    """The newest; None when there is none, or none that can be read."""
    row = connection.execute("SELECT body FROM snapshot WHERE fingerprint = ?", (fingerprint,)).fetchone()
    if row is None:
        return None
    log = connection.execute(
        "SELECT body FROM snapshot_log WHERE fingerprint = ? AND number > 0 ORDER BY number", (fingerprint,)
    )
    return unpack_snapshot(row[0], [body for (body,) in log])
