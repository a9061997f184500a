"""Checks of what a concurrent build or drop would wait for, and of what would wait for it."""

from __future__ import annotations

from typing import Any

from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import Check, quote
from optischema_tui.core.target.session import map_error

_LAG_WORTH_SAYING = 1 << 30
_OLD_SECONDS = 2
_WAITS_FOR_NEW_PREPARED = 130005
"""Release notes of 13.5 and 14.1: CREATE INDEX CONCURRENTLY waits for the latest prepared transactions."""
_STOPS_BUILDERS = [
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]
"""Lock modes that keep a build or a drop from beginning."""
_WRITES = ["RowExclusiveLock", *_STOPS_BUILDERS]
_ANY = ["AccessShareLock", "RowShareLock", *_WRITES]


def no_builder(facts: Facts) -> Check:
    line = "no other build on the table"
    with facts.as_login():
        rows = facts.ask("builders", relation=facts.table["oid"])
    ours = [row for row in rows if row["relid"]]
    if ours:
        row = ours[0]
        who = f"process {row['pid']} {row['application_name']}".strip()
        return block(
            line, f"{who} runs {row['command'] or 'an index build'} on this table; two would deadlock", "builders"
        )
    if rows:
        return warn(line, "Another role builds an index in this database; on which table is hidden from us", "builders")
    return ok(line, "Nobody builds an index on this table", "builders")


def prepared_transactions(facts: Facts) -> Check:
    line = "prepared transactions"
    rows = facts.ask("prepared", relation=facts.table["oid"])
    holding = [row for row in rows if row["on_table"]]
    if holding:
        names = ", ".join(str(row["gid"]) for row in holding)
        return block(
            line, f"Prepared transactions hold this table, and the wait for them may never end: {names}", "prepared"
        )
    if rows:
        return warn(line, f"{len(rows)} prepared transactions are open in this database", "prepared")
    if int(facts.server["version_num"]) < _WAITS_FOR_NEW_PREPARED:
        return warn(
            line,
            "Before 13.5 a build can miss rows of transactions that are prepared while it runs: upgrade first where "
            "two-phase commit is used",
            "server",
        )
    return ok(line, "None is open in this database", "prepared")


def old_transactions(facts: Facts) -> Check:
    line = "sessions it would wait for"
    # Who removes an index waits also for those who have only read the table; who builds one, for every old snapshot.
    removes, builds = facts.change.kind in ("drop_index", "reindex"), facts.change.kind != "drop_index"
    query = "table_locks"
    with facts.as_login():
        rows = _holders(facts, _ANY if removes else _WRITES, _OLD_SECONDS)
        if builds:
            snapshots, query = facts.ask("snapshots"), "snapshots"
            known = {row["pid"] for row in rows}
            rows += [row for row in snapshots if row["pid"] not in known]
        sees_all = facts.ask("sees_activity")[0]["sees_all"]
    if rows:
        return warn(line, "It will wait for the end of: " + "; ".join(_describe(row) for row in rows), query)
    if not sees_all:
        return warn(
            line, "Other roles' transactions are hidden from us: GRANT pg_read_all_stats shows them", "sees_activity"
        )
    return ok(line, "No old transaction is in its way now", query)


def _holders(facts: Facts, modes: list[str], seconds: int) -> list[dict[str, Any]]:
    return facts.ask("table_locks", relation=facts.table["oid"], modes=modes, seconds=seconds)


def _describe(row: dict[str, Any]) -> str:
    what = row["application_name"] or row.get("backend_type") or "unnamed"
    return (
        f"process {row['pid']} ({what}, role {row['role'] or 'hidden'}, {row['state'] or 'hidden'}, {row['seconds']} s)"
    )


def replication(facts: Facts) -> Check:
    line = "replication slots"
    rows = facts.ask("slots")
    late = [
        row for row in rows if row["lag_bytes"] >= _LAG_WORTH_SAYING or row["wal_status"] in ("extended", "unreserved")
    ]
    if late:
        names = ", ".join(f"{row['slot']} ({row['lag_bytes'] >> 20} MB behind)" for row in late)
        return warn(line, f"The build writes WAL that these must still read: {names}", "slots")
    return ok(line, f"{len(rows)} slots, none far behind" if rows else "There is none", "slots")


def lock_probe(facts: Facts) -> Check:
    """Take and give back the very lock that the build begins with, in a transaction that changes nothing."""
    import psycopg

    line = "lock can be had"
    sql = f"LOCK TABLE ONLY {quote(facts.change.schema)}.{quote(facts.change.table)} IN SHARE UPDATE EXCLUSIVE MODE"
    if facts.table["relkind"] == "m":
        return ok(line, "A materialized view cannot be probed")
    try:
        with facts.connection.transaction(force_rollback=True):
            facts.connection.execute(f"/* optischema */ {sql}")
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        with facts.as_login():
            held = _holders(facts, _STOPS_BUILDERS, 0)
        if held and all(row["backend_type"] == "autovacuum worker" and not row["wraparound"] for row in held):
            return warn(line, "An autovacuum is at work on the table; it gives way, and begins again later", sql)
        who = "; ".join(_describe(row) for row in held) or "a transaction that has just ended"
        return block(line, f"Not within {facts.limits.probe_lock_ms} ms: the table is locked by {who}", sql)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        why: OptischemaError = map_error(error, facts.spec)
        return block(line, why.sentence, sql)
    return ok(line, "SHARE UPDATE EXCLUSIVE was granted at once and given back", sql)


WAIT_CHECKS = (no_builder, prepared_transactions, old_transactions, replication, lock_probe)
