"""The newest snapshot of each target: written whole at times, and between as what has changed since."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass, replace

from optischema_tui.core.history.blobs import pack_snapshot, unpack_snapshot
from optischema_tui.core.models import Snapshot, StatementSample, changed_samples

LARGEST_CHANGE = 0.25
"""Share of the samples; beyond it the snapshot is written whole again."""


@dataclass(frozen=True, slots=True)
class Base:
    """A snapshot that was written whole. Its name tells a later change of it from one of another program's."""

    name: str
    statements: tuple[StatementSample, ...]


def write_snapshot(connection: sqlite3.Connection, snapshot: Snapshot, base: Base | None) -> Base:
    """Make `snapshot` the newest. Gives the base of the next one: only to be used once the transaction is committed."""
    fingerprint = snapshot.target.fingerprint
    if base is not None:
        old, fresh = changed_samples(base.statements, snapshot.statements)
        if len(fresh) <= LARGEST_CHANGE * len(base.statements):
            stale = set(map(id, old))
            gone = [place for place, sample in enumerate(base.statements) if id(sample) in stale]
            change = pack_snapshot(replace(snapshot, statements=tuple(fresh)), gone)
            written = connection.execute(
                "UPDATE snapshot_change SET body = ? WHERE fingerprint = ? AND base = ?",
                (change, fingerprint, base.name),
            )
            if written.rowcount:
                return base  # else another program, or another file, has another base
    base = Base(secrets.token_hex(8), snapshot.statements)
    connection.execute(
        "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)", (fingerprint, snapshot.taken_at, pack_snapshot(snapshot))
    )
    connection.execute("INSERT OR REPLACE INTO snapshot_change VALUES (?, ?, ?)", (fingerprint, base.name, b""))
    return base


def read_snapshot(connection: sqlite3.Connection, fingerprint: str) -> Snapshot | None:
    """The newest; None when there is none, or none that can be read."""
    row = connection.execute(
        "SELECT s.body, c.body FROM snapshot s LEFT JOIN snapshot_change c USING (fingerprint) WHERE fingerprint = ?",
        (fingerprint,),
    ).fetchone()
    return unpack_snapshot(row[0], row[1] or b"") if row else None
