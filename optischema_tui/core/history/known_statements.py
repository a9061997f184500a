"""Statements by key and by text: each key of pg_stat_statements is a row that the deltas point to."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from optischema_tui.core.history.privacy import storable
from optischema_tui.core.models import StatementKey, StatementText

HASHED = 20_000
"""Characters of a text that its identity depends on: cutting a megabyte into tokens would make a tick slow."""
PREDECESSORS = 20
LOOKED_AT = 500
"""Intervals in which two statements of the same text are seen to live side by side."""
IS_KEY = "fingerprint = ? AND queryid = ? AND userid = ? AND dbid = ? AND toplevel = ?"
_KEY = "fingerprint, userid, dbid, queryid, toplevel"


def day_of(at: float) -> int:
    return int(at // 86400)


def key_values(fingerprint: str, key: StatementKey) -> tuple[str, int, int, int, bool]:
    """For `IS_KEY`."""
    return fingerprint, key.queryid, key.userid, key.dbid, key.toplevel


class StatementIds:
    """Row ids of statements by key, remembered between ticks. An id holds for the day on which it was looked up:
    a statement seen today is forgotten by no program before `Limits.statement_days` have passed."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, StatementKey], tuple[int, int]] = {}

    def clear(self) -> None:
        self._known.clear()

    def of(
        self, connection: sqlite3.Connection, fingerprint: str, keys: Iterable[StatementKey], now: float
    ) -> dict[StatementKey, int]:
        """The id of each key, with a row made for a new one."""
        found: dict[StatementKey, int] = {}
        missing: list[StatementKey] = []
        day = day_of(now)
        for key in keys:
            known = self._known.get((fingerprint, key))
            if known is not None and known[1] == day:
                found[key] = known[0]
            else:
                missing.append(key)
        connection.executemany(
            f"INSERT INTO statement ({_KEY}, seen_day, first_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (fingerprint, queryid, userid, dbid, toplevel) DO UPDATE SET seen_day = excluded.seen_day",
            [(fingerprint, key.userid, key.dbid, key.queryid, key.toplevel, day, now) for key in missing],
        )
        for key in missing:
            row = connection.execute(f"SELECT id FROM statement WHERE {IS_KEY}", key_values(fingerprint, key))
            found[key] = int(row.fetchone()[0])
            self._known[fingerprint, key] = (found[key], day)
        return found


def text_rows(fingerprint: str, texts: Iterable[StatementText], now: float) -> list[tuple[object, ...]]:
    """What `insert_texts` stores: made before the transaction, since the identity of a long text takes a while."""
    from optischema_tui.core.workload.fingerprint import fingerprint as text_identity

    return [
        (
            fingerprint,
            text.key.userid,
            text.key.dbid,
            text.key.queryid,
            text.key.toplevel,
            storable(text.text),
            text.truncated,
            storable(text.role),
            storable(text.database),
            text_identity(text.text[:HASHED]) if text.text else "",
            day_of(now),
            now,
        )
        for text in texts
    ]


def insert_texts(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    connection.executemany(
        f"INSERT INTO statement ({_KEY}, text, truncated, role, database, text_hash, seen_day, first_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (fingerprint, queryid, userid, dbid, toplevel) DO UPDATE SET text = excluded.text,"
        " truncated = excluded.truncated, role = excluded.role, database = excluded.database,"
        " text_hash = excluded.text_hash, seen_day = excluded.seen_day",
        rows,
    )


def read_texts(
    connection: sqlite3.Connection, fingerprint: str, keys: Iterable[StatementKey]
) -> dict[StatementKey, StatementText]:
    """Texts that are known; a statement whose text was never fetched is left out."""
    found: dict[StatementKey, StatementText] = {}
    for key in keys:
        row = connection.execute(
            f"SELECT text, truncated, role, database FROM statement WHERE {IS_KEY} AND text <> ''",
            key_values(fingerprint, key),
        ).fetchone()
        if row:
            found[key] = StatementText(key, row[0], bool(row[1]), row[2], row[3])
    return found


class Known(NamedTuple):
    """One key under which a statement is known."""

    number: int
    """Its row id."""
    target: str
    """Fingerprint of the target."""
    key: StatementKey
    until: float
    """Its intervals up to then are the statement's."""


def same_statements(connection: sqlite3.Connection, fingerprint: str, key: StatementKey) -> list[Known]:
    """The statement, and before it came those that it took the place of; nothing when it is not known.

    The same text (our own hash of it), role, database and nesting: the server gives it another queryid when a table is
    made anew, and after an upgrade. An upgrade by pg_upgrade also gives the cluster another identity: what the same
    `spec_key` reached before is looked through as well. One that went on being called beside it is another statement,
    as when each tenant has tables of the same names in a schema of its own.
    """
    row = connection.execute(
        f"SELECT id, first_at, text_hash, role, database FROM statement WHERE {IS_KEY}", key_values(fingerprint, key)
    ).fetchone()
    if row is None:
        return []
    number, first_at, *identity = row
    found = [Known(int(number), fingerprint, key, math.inf)]
    others = connection.execute(
        "SELECT id, fingerprint, userid, dbid, queryid, toplevel FROM statement"
        " WHERE text_hash = ? AND text_hash <> '' AND role = ? AND database = ? AND toplevel = ? AND id <> ?"
        " AND seen_day <= ? AND fingerprint IN (SELECT ? UNION SELECT other.fingerprint"
        " FROM reached one JOIN reached other USING (spec_key) WHERE one.fingerprint = ?) ORDER BY id DESC LIMIT ?",
        (*identity, key.toplevel, number, day_of(first_at), fingerprint, fingerprint, PREDECESSORS),
    ).fetchall()
    for other, target, userid, dbid, queryid, toplevel in others:
        if not _is_called_after(connection, target, other, first_at):
            found.append(Known(int(other), target, StatementKey(userid, dbid, queryid, bool(toplevel)), first_at))
    return found


def _is_called_after(connection: sqlite3.Connection, target: str, number: int, at: float) -> bool:
    row = connection.execute(
        "SELECT 1 FROM (SELECT id FROM tick WHERE fingerprint = ? AND at > ? ORDER BY at LIMIT ?) t"
        " CROSS JOIN delta d ON d.tick_id = t.id AND d.statement_id = ? LIMIT 1",
        (target, at, LOOKED_AT, number),
    ).fetchone()
    return row is not None
