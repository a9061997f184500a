"""Checks of what a concurrent build or drop would wait for, and of what would wait for it."""

from __future__ import annotations

from typing import Any

from optischema_tui.core.change.catalog import DROP
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import Check, quote
from optischema_tui.core.target.session import map_error

_LAG_WORTH_SAYING = 1 << 30


def no_builder(facts: Facts) -> Check:
    line = "no other build on the table"
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
    return ok(line, "None is open in this database", "prepared")


def old_transactions(facts: Facts) -> Check:
    line = "sessions it would wait for"
    drop = facts.change.kind == DROP
    rows = facts.ask("table_locks", relation=facts.table["oid"], readers=drop)
    query = "table_locks"
    if not drop:
        snapshots, query = facts.ask("snapshots"), "snapshots"
        known = {row["pid"] for row in rows}
        rows += [row for row in snapshots if row["pid"] not in known]
    if rows:
        return warn(line, "It will wait for the end of: " + "; ".join(_describe(row) for row in rows), query)
    if not facts.ask("sees_activity")[0]["sees_all"]:
        return warn(
            line, "Other roles' transactions are hidden from us: GRANT pg_read_all_stats shows them", "sees_activity"
        )
    return ok(line, "No old transaction is in its way now", query)


def _describe(row: dict[str, Any]) -> str:
    what = row["application_name"] or "unnamed"
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
    sql = f"LOCK TABLE {quote(facts.change.schema)}.{quote(facts.change.table)} IN SHARE UPDATE EXCLUSIVE MODE"
    if facts.table["relkind"] != "r":
        return ok(line, "A materialized view cannot be probed")
    try:
        with facts.connection.transaction(force_rollback=True):
            facts.connection.execute(sql)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        held = facts.ask("table_locks", relation=facts.table["oid"], readers=False)
        who = "; ".join(_describe(row) for row in held) or "a younger transaction"
        return block(line, f"Not within {facts.limits.probe_lock_ms} ms: the table is locked by {who}", sql)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        why: OptischemaError = map_error(error, facts.spec)
        return block(line, why.sentence, sql)
    return ok(line, "SHARE UPDATE EXCLUSIVE was granted at once and given back", sql)


WAIT_CHECKS = (no_builder, prepared_transactions, old_transactions, replication, lock_probe)
