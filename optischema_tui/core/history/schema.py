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


def _format_3(connection: sqlite3.Connection) -> None:
    """Tiers of ticks, sessions, readings of the other families, identity by text, the last state of targets."""
    for statement in _FORMAT_3:
        connection.execute(statement)
    _hash_texts(connection)


_FORMAT_3 = (
    # tier: 0 is a tick as it was seen, else the seconds of the bucket that it sums up. parent: the tick of the next
    # tier that sums this one up. leaf: 0 while the ticks that it sums up are there as well. observed: seconds that were
    # seen of its length, NULL for all.
    "ALTER TABLE tick ADD COLUMN tier INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tick ADD COLUMN parent INTEGER",
    "ALTER TABLE tick ADD COLUMN leaf INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE tick ADD COLUMN observed REAL",
    "ALTER TABLE tick ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX tick_at",
    "CREATE INDEX tick_due ON tick (tier, at) WHERE parent IS NULL",
    "CREATE INDEX tick_detailed ON tick (tier, at) WHERE leaf = 0",
    "CREATE INDEX tick_tier ON tick (tier, at)",
    "CREATE INDEX tick_parent ON tick (parent) WHERE parent IS NOT NULL",
    # Seconds of this row's own interval; NULL when it is the tick's.
    "ALTER TABLE delta ADD COLUMN seconds REAL",
    "ALTER TABLE statement ADD COLUMN text_hash TEXT NOT NULL DEFAULT ''",
    # When it was first seen; 0 when that is not known.
    "ALTER TABLE statement ADD COLUMN first_at REAL NOT NULL DEFAULT 0",
    "CREATE INDEX statement_text ON statement (text_hash)",
    "ALTER TABLE target ADD COLUMN label TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE target ADD COLUMN state TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE target ADD COLUMN state_at REAL NOT NULL DEFAULT 0",
    # Which databases answered behind one address: an upgrade gives a cluster another identity.
    "CREATE TABLE reached (spec_key TEXT NOT NULL, fingerprint TEXT NOT NULL, first_at REAL NOT NULL,"
    " PRIMARY KEY (spec_key, fingerprint)) WITHOUT ROWID",
    "CREATE INDEX reached_by ON reached (fingerprint)",
    "INSERT INTO reached SELECT spec_key, fingerprint, seen_at FROM target",
    # Number 0 names the base (the snapshot that was written whole), each later one is what a tick changed of it.
    "CREATE TABLE snapshot_log (fingerprint TEXT NOT NULL, number INTEGER NOT NULL, base TEXT NOT NULL,"
    " body BLOB NOT NULL, PRIMARY KEY (fingerprint, number))",
    "INSERT INTO snapshot_log SELECT fingerprint, 0, base, x'' FROM snapshot_change",
    "INSERT INTO snapshot_log SELECT fingerprint, 1, base, body FROM snapshot_change WHERE length(body) > 0",
    "DROP TABLE snapshot_change",
    # classes: JSON of active sessions by wait class. body: the samples themselves, in tier 0 only.
    "CREATE TABLE activity (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, tier INTEGER NOT NULL, at REAL NOT NULL,"
    " seconds REAL NOT NULL, parent INTEGER, leaf INTEGER NOT NULL DEFAULT 1, samples INTEGER NOT NULL,"
    " breaks INTEGER NOT NULL, classes TEXT NOT NULL, body BLOB)",
    "CREATE INDEX activity_of_target ON activity (fingerprint, at)",
    "CREATE INDEX activity_due ON activity (tier, at) WHERE parent IS NULL",
    "CREATE INDEX activity_detailed ON activity (tier, at) WHERE leaf = 0",
    "CREATE INDEX activity_tier ON activity (tier, at)",
    "CREATE INDEX activity_parent ON activity (parent) WHERE parent IS NOT NULL",
    # queryid 0 for none: a NULL would never be the same as another.
    "CREATE TABLE activity_key (id INTEGER PRIMARY KEY, state TEXT NOT NULL, wait_type TEXT NOT NULL,"
    " wait_event TEXT NOT NULL, queryid INTEGER NOT NULL, database TEXT NOT NULL, role TEXT NOT NULL,"
    " seen_day INTEGER NOT NULL, UNIQUE (state, wait_type, wait_event, queryid, database, role))",
    "CREATE INDEX activity_key_seen ON activity_key (seen_day)",
    "CREATE TABLE activity_count (activity_id INTEGER NOT NULL, key_id INTEGER NOT NULL, sessions INTEGER NOT NULL,"
    " PRIMARY KEY (activity_id, key_id)) WITHOUT ROWID",
    # first, last: when it was read, and when the same was read again, as JSON of (taken_at, monotonic, server_clock).
    "CREATE TABLE reading (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, family TEXT NOT NULL,"
    " tier INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL, until REAL NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,"
    " digest TEXT NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX reading_of_family ON reading (fingerprint, family, at)",
    "CREATE INDEX reading_tier ON reading (tier, at)",
)


def _hash_texts(connection: sqlite3.Connection) -> None:
    from optischema_tui.core.workload.fingerprint import fingerprint

    rows = connection.execute("SELECT id, text FROM statement WHERE text <> ''").fetchall()
    hashed = [(fingerprint(text), number) for number, text in rows]
    connection.executemany("UPDATE statement SET text_hash = ? WHERE id = ?", hashed)


MIGRATIONS = (_format_1, _format_2, _format_3)

SCHEMA = Schema(
    what="The history",
    application_id=0x4F534849,
    migrations=MIGRATIONS,
    synchronous="NORMAL",
    disposable=True,
)
