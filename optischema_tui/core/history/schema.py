"""The tables of history.db. A new format is a new function at the end of MIGRATIONS; an old one never changes."""

from __future__ import annotations

import sqlite3

from optischema_tui.core.history.database import Schema


def _format_1(connection: sqlite3.Connection) -> None:
    """Targets, statements, ticks with their deltas, last states, advice, baselines."""
    for statement in _FORMAT_1:
        connection.execute(statement)


_FORMAT_1 = (
    "CREATE TABLE target (spec_key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, identity TEXT NOT NULL,"
    " dsn TEXT NOT NULL, seen_at REAL NOT NULL)",
    "CREATE TABLE statement (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, userid INTEGER NOT NULL,"
    " dbid INTEGER NOT NULL, queryid INTEGER NOT NULL, toplevel INTEGER NOT NULL, text TEXT NOT NULL DEFAULT '',"
    " truncated INTEGER NOT NULL DEFAULT 0, role TEXT NOT NULL DEFAULT '', database TEXT NOT NULL DEFAULT '',"
    " seen_day INTEGER NOT NULL, UNIQUE (fingerprint, queryid, userid, dbid, toplevel))",
    "CREATE INDEX statement_seen ON statement (seen_day)",
    # seconds is NULL without deltas, db_time and its neighbours are NULL without a load point.
    "CREATE TABLE tick (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, writer TEXT NOT NULL, at REAL NOT NULL,"
    " server_clock REAL NOT NULL, seconds REAL, db_time REAL, mean_latency REAL, tps REAL, calls INTEGER,"
    " breaks INTEGER)",
    "CREATE INDEX tick_of_target ON tick (fingerprint, at)",
    "CREATE INDEX tick_clock ON tick (fingerprint, server_clock)",
    "CREATE INDEX tick_at ON tick (at)",
    # No foreign keys here: this is the one large table, and both ids come from the same transaction.
    "CREATE TABLE delta (tick_id INTEGER NOT NULL, statement_id INTEGER NOT NULL, calls INTEGER NOT NULL,"
    " rows INTEGER NOT NULL, exec_time REAL NOT NULL, plan_time REAL NOT NULL, shared_blks_hit INTEGER NOT NULL,"
    " shared_blks_read INTEGER NOT NULL, temp_blks INTEGER NOT NULL, blk_io_time REAL NOT NULL,"
    " wal_bytes INTEGER NOT NULL, lower_bound INTEGER NOT NULL, squares REAL, PRIMARY KEY (tick_id, statement_id))"
    " WITHOUT ROWID",
    "CREATE TABLE snapshot (fingerprint TEXT PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE picture (spec_key TEXT PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE recommendation (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, position INTEGER,"
    " saved_at REAL NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE dismissal (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL)",
    "CREATE TABLE baseline (fingerprint TEXT NOT NULL, name TEXT NOT NULL, created_at REAL NOT NULL,"
    " body BLOB NOT NULL, PRIMARY KEY (fingerprint, name))",
)


def _format_2(connection: sqlite3.Connection) -> None:
    """What of the stored snapshot has changed since: most of it rests, and is not to be written at each tick."""
    connection.execute(
        "CREATE TABLE snapshot_change (fingerprint TEXT PRIMARY KEY, base TEXT NOT NULL, body BLOB NOT NULL)"
    )


MIGRATIONS = (_format_1, _format_2)

SCHEMA = Schema(
    what="The history",
    application_id=0x4F534849,
    migrations=MIGRATIONS,
    synchronous="NORMAL",
    disposable=True,
)
