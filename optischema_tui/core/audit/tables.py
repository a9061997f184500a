"""The tables of the audit file, in every format, and the one way in which an entry gets there.

Format 1: the chain and the changes. Format 2: evidence beside the chain, named in it by SHA-256.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator
from typing import Any

from optischema_tui.core.audit import chain
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.file_format import Schema
from optischema_tui.core.models import AuditEntry

APPLICATION_ID = 0x4F534155
ENTRY = "seq, at, event, change_id, body, prev, hash"
PAGE = 500
"""Rows that are read at once."""
Row = tuple[Any, ...]
_GUARDED = (("audit", "UPDATE"), ("audit", "DELETE"), ("change", "DELETE"))


def schema(at: float) -> Schema:
    """The kind of file; `at` is when it begins, if it begins now."""
    return Schema(
        what="The audit journal",
        application_id=APPLICATION_ID,
        migrations=(lambda connection: _format_1(connection, at), _format_2),
        synchronous="FULL",
        disposable=False,
    )


def _format_1(connection: sqlite3.Connection, at: float) -> None:
    create_chain(connection)
    append(connection, at, "audit.begun", "", {"install_id": secrets.token_hex(16)})


def create_chain(connection: sqlite3.Connection) -> None:
    """The tables of format 1, empty."""
    connection.execute(
        "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL,"
        " change_id TEXT NOT NULL, body BLOB NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE change (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, recommendation_id TEXT NOT NULL,"
        " state TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, body TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX change_recommendation ON change (recommendation_id)")
    guard(connection)


def _format_2(connection: sqlite3.Connection) -> None:
    # seq: the last entry that names it.
    connection.execute("CREATE TABLE evidence (hash TEXT PRIMARY KEY, seq INTEGER NOT NULL, body BLOB NOT NULL)")


def create_all(connection: sqlite3.Connection) -> None:
    """The tables of the present format, empty: for an archived segment."""
    create_chain(connection)
    _format_2(connection)


def guard(connection: sqlite3.Connection) -> None:
    """Triggers against accidents: who wants to deceive drops them."""
    for table, action in _GUARDED:
        connection.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}"
            " BEGIN SELECT RAISE(ABORT, 'the audit journal only grows'); END"
        )


def unguard(connection: sqlite3.Connection) -> None:
    for table, action in _GUARDED:
        connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{action.lower()}")


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and hash of the last entry; (0, 64 zeros) when all are gone."""
    row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, chain.ORIGIN)


def append(
    connection: sqlite3.Connection,
    at: float,
    event: str,
    change_id: str,
    body: dict[str, Any],
    state: str = "",
    row: str = "",
    after: tuple[int, str] | None = None,
) -> AuditEntry:
    """Put one entry behind `after` (number, hash; None: the last one). `state` and `row` (a digest) bind a change."""
    last, prev = after or head(connection)
    seq, at_us = last + 1, round(at * 1_000_000)
    whole: dict[str, Any] = {"seq": seq, "at_us": at_us, "event": event, "change_id": change_id, "body": body}
    if change_id and row:
        whole |= {"state": state, "row": row}
    text = chain.canonical(whole)
    try:
        hashed = chain.link_hash(prev, text)
    except ValueError as error:
        raise StorageError(
            "The audit journal cannot be continued",
            f"The hash of its last entry, {seq - 1}, is not readable",
            "Run `optischema-tui audit verify`, and begin a new journal by moving the file away",
        ) from error
    connection.execute(
        f"INSERT INTO audit ({ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (seq, at_us, event, change_id, text, prev, hashed),
    )
    return AuditEntry(seq, at_us / 1_000_000, event, change_id, body, prev, hashed)


def entry(row: Row) -> AuditEntry:
    """The entry of a stored row; of a damaged body only that it is so."""
    seq, at, event, change_id, body, prev, hashed = row
    told = inner_body(body)
    if told is None:
        told = {"unreadable": "the content of this entry was damaged"}
    return AuditEntry(seq, at / 1_000_000 if isinstance(at, int) else 0.0, event, change_id, told, prev, hashed)


def inner_body(body: bytes) -> dict[str, Any] | None:
    """What the caller of `append` gave as body; None when that cannot be read."""
    try:
        told = json.loads(body)["body"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def first_row(connection: sqlite3.Connection) -> Row | None:
    found = connection.execute(f"SELECT {ENTRY} FROM audit ORDER BY seq LIMIT 1").fetchone()
    return tuple(found) if found else None


_TYPES = "integertexttextblobtexttext"


def judged_rows(connection: sqlite3.Connection) -> Iterator[tuple[Row, bool]]:
    """Every row of the chain in order, and whether its columns have their types. Reads also what is no valid text."""
    types = " || ".join(f"typeof({name})" for name in ("at", "event", "change_id", "body", "prev", "hash"))
    texts = ", ".join(f"CAST({name} AS BLOB)" for name in ("event", "change_id", "body", "prev", "hash"))
    for kinds, seq, at, event, change_id, body, prev, hashed in connection.execute(
        f"SELECT {types}, seq, at, {texts} FROM audit ORDER BY seq"
    ):
        yield (seq, at, text(event), text(change_id), body, text(prev), text(hashed)), kinds == _TYPES


def text(raw: bytes | None) -> str:
    """A text that was read as bytes; what is no UTF-8 in it shows as escapes."""
    return (raw or b"").decode("utf-8", "backslashreplace")
