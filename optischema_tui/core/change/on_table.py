"""Checks of the table that a change is about, whatever is done to it."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.change.checks import Facts, block, ok
from optischema_tui.core.change.waits import WAIT_CHECKS
from optischema_tui.core.models import Check, Level

KINDS_OF_RELATION = {
    "r": "table",
    "m": "materialized view",
    "p": "partitioned table",
    "v": "view",
    "f": "foreign table",
}


def table_identity(facts: Facts) -> Check:
    line, name = "table", f"{facts.change.schema}.{facts.change.table}"
    if not facts.table:
        return block(line, f"There is no table {name}", "table")
    kind = facts.table["relkind"]
    if kind not in ("r", "m", "p"):
        return block(line, f"{name} is a {KINDS_OF_RELATION.get(kind, 'relation that takes no index')}", "table")
    if facts.table["persistence"] == "t":
        return block(line, f"{name} is a temporary table of some session", "table")
    size = facts.table["size_bytes"] >> 20
    return ok(line, f"{name}: {KINDS_OF_RELATION[kind]} of role {facts.table['owner']}, {size} MB", "table")


def privileges(facts: Facts) -> Check:
    """Both ways: without CREATE on the schema an owner may drop an index that he could not create again."""
    line, table = "privilege to do and undo", facts.table
    missing = []
    if not table["owns"]:
        missing.append(f'GRANT "{table["owner"]}" TO "{table["role"]}"')
    if not table["may_create"]:
        missing.append(f'GRANT CREATE ON SCHEMA "{facts.change.schema}" TO "{table["role"]}"')
    if missing:
        return block(
            line,
            f"Role {table['role']} cannot both make and undo this; it needs: {'; '.join(missing)}",
            "table",
        )
    return ok(line, f"Role {table['role']} owns the table and may create in schema {facts.change.schema}", "table")


def waits(facts: Facts) -> Iterator[Check]:
    """What it would wait for, and what would wait for it."""
    for check in WAIT_CHECKS:
        yield check(facts)


def lock_key(schema: str, table: str) -> str:
    """One key for all that is done to a table: a build, a drop, a VACUUM and an ALTER TABLE exclude each other."""
    from optischema_tui.core.models import quote

    return f"index {quote(schema)}.{quote(table)}"


def blocked(check: Check) -> bool:
    return check.level is Level.BLOCK
