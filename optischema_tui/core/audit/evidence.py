"""What a decision rested on, kept beside the chain: figures, plans, checks.

An entry names each piece in `body["evidence"]` by the SHA-256 of its canonical JSON. The piece itself may be deleted
when it is old, which is an entry too; the chain holds without it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from optischema_tui.core.audit import chain

DAYS = 400.0
"""How long evidence is kept."""
PRUNED = "audit.pruned"


def pieces(evidence: Mapping[str, Any] | None) -> dict[str, bytes]:
    """Canonical JSON of each named piece, without secrets. Raises TypeError as `chain.plain`."""
    return {name: chain.canonical(chain.plain(value)) for name, value in sorted((evidence or {}).items())}


def named(body: dict[str, Any], found: Mapping[str, bytes]) -> dict[str, Any]:
    """`body` with the hashes of `found`. Raises TypeError when the body has such a key already."""
    if not found:
        return body
    if "evidence" in body:
        raise TypeError("an audit entry names its evidence under the key 'evidence'")
    return body | {"evidence": {name: hashlib.sha256(piece).hexdigest() for name, piece in found.items()}}


def store(connection: sqlite3.Connection, seq: int, found: Mapping[str, bytes]) -> None:
    connection.executemany(
        "INSERT INTO evidence (hash, seq, body) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET seq = excluded.seq",
        [(hashlib.sha256(piece).hexdigest(), seq, piece) for piece in found.values()],
    )


def fetch(connection: sqlite3.Connection, digest: str) -> Any | None:
    """The piece as JSON values; None when it is not here or is not what its hash says."""
    row = connection.execute("SELECT body FROM evidence WHERE hash = ?", (digest,)).fetchone()
    if row is None or not isinstance(row[0], bytes) or hashlib.sha256(row[0]).hexdigest() != digest:
        return None
    return json.loads(row[0])


def count_until(connection: sqlite3.Connection, seq: int) -> int:
    """Pieces that no entry after `seq` names."""
    return int(connection.execute("SELECT count(*) FROM evidence WHERE seq <= ?", (seq,)).fetchone()[0])


def delete_until(connection: sqlite3.Connection, seq: int) -> None:
    connection.execute("DELETE FROM evidence WHERE seq <= ?", (seq,))


def last_before(connection: sqlite3.Connection, at_us: int) -> int:
    """The number of the last entry of those that were written before `at_us`; 0 when there is none."""
    row = connection.execute("SELECT max(seq) FROM audit WHERE at < ?", (at_us,)).fetchone()
    return int(row[0] or 0)
