"""Checks of statements that let reads and writes of their table go on, or that say what they stop."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.change import on_table
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.waits import no_builder
from optischema_tui.core.models import Check, quote

SHARE_UPDATE, ACCESS = "SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE"
_STRONGER = [
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]
_CONFLICTS = {SHARE_UPDATE: _STRONGER, ACCESS: ["AccessShareLock", "RowShareLock", "RowExclusiveLock", *_STRONGER]}
_STOPS = {
    SHARE_UPDATE: "reads and writes go on, only DDL, VACUUM and ANALYZE of the table wait",
    ACCESS: "every read and write of the table waits behind it",
}


def same_table(facts: Facts) -> Check:
    """The table is there, and the very one of the approval."""
    identity = on_table.table_identity(facts)
    oid = facts.change.detail.get("table_oid")
    if not on_table.blocked(identity) and oid is not None and facts.table["oid"] != oid:
        name = f"{facts.change.schema}.{facts.change.table}"
        return block("table", f"{name} has been made anew since this was written: it is another table", "table")
    return identity


def owner(facts: Facts) -> Check:
    line, table = "privilege to do and undo", facts.table
    if table["owns"]:
        return ok(line, f"Role {table['role']} has the rights of the table's owner", "table")
    grant = f"GRANT {quote(table['owner'])} TO {quote(table['role'])}"
    return block(line, f"Role {table['role']} must have the rights of the table's owner: {grant}", "table")


def maintain(facts: Facts) -> Check:
    """VACUUM and ANALYZE skip what they may not touch with a mere warning, and end as if it were done."""
    line, role = "privilege", facts.table["role"]
    rows = facts.ask("maintained", relation=facts.table["oid"])
    lacking = [row for row in rows if not row["may"]]
    if not lacking:
        return ok(line, f"Role {role} may maintain {_count(len(rows))}", "maintained")
    if facts.connection.info.server_version >= 170000:
        grants = [f"GRANT MAINTAIN ON {row['name']} TO {quote(role)}" for row in lacking]
    else:
        grants = sorted({f"GRANT {quote(row['owner'])} TO {quote(role)}" for row in lacking})
    more = f"; and {len(grants) - 3} more" if len(grants) > 3 else ""
    return block(line, f"The server would skip it for role {role}, which needs: {'; '.join(grants[:3])}{more}")


def _count(tables: int) -> str:
    return "the table" if tables <= 1 else f"the {tables} tables of it"


def waits(facts: Facts, mode: str = SHARE_UPDATE) -> Iterator[Check]:
    """What it would wait for, and what would wait for it."""
    yield no_builder(facts)
    yield _prepared(facts, mode)
    yield _lock(facts, mode)


def _prepared(facts: Facts, mode: str) -> Check:
    line = "prepared transactions"
    rows = facts.ask("prepared_locks", relation=facts.table["oid"], modes=_CONFLICTS[mode])
    if rows:
        names = ", ".join(str(row["gid"]) for row in rows)
        return block(line, f"The wait for these, which hold the table, may never end: {names}", "prepared_locks")
    return ok(line, "None holds the table against it", "prepared_locks")


def _lock(facts: Facts, mode: str) -> Check:
    from optischema_tui.core.change.patience import patience_for

    line = "lock"
    patience = patience_for(facts.change.steps[0], facts.limits)
    told = (
        f"Takes {mode}: {_STOPS[mode]}. It waits for it {_length(patience.lock_ms)} at a time at most, "
        f"{patience.attempts} times"
    )
    with facts.as_login():
        held = facts.ask("table_locks", relation=facts.table["oid"], modes=_CONFLICTS[mode], seconds=0)
    if not held:
        return ok(line, told, "table_locks")
    if all(row["backend_type"] == "autovacuum worker" and not row["wraparound"] for row in held):
        return warn(line, f"{told}. An autovacuum is at work on the table; it gives way, and begins again later")
    who = "; ".join(
        f"process {row['pid']} ({row['application_name'] or row['backend_type'] or 'unnamed'}, "
        f"{row['state'] or 'hidden'}, {row['seconds']} s)"
        for row in held
    )
    return warn(line, f"{told}. Now it would wait for: {who}", "table_locks")


def _length(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 10_000 else f"{milliseconds // 1000} s"


def later_changes(facts: Facts) -> Check:
    line = "later changes"
    if not facts.later:
        return ok(line, "No later change of ours on this table")
    names = ", ".join(f"{change.kind} of {change.subject}" for change in facts.later)
    return warn(line, f"Later changes on this table were made on top of it: {names}")
