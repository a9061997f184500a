"""What speaks against the removal of an index."""

from __future__ import annotations

from optischema_tui.core.change.catalog import IndexSeen
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.models import Check

NEEDS = (
    "Whether a standby reads it is not known here: each counts for itself; look at idx_scan on every one",
    "Whether a rare job needs it, such as a month's end, only a long time of watching tells",
)
"""What a person must know of an index that this program has not made."""


def reasons_to_stay(index: IndexSeen, *, ours: bool = False) -> list[str]:
    """Each as words that follow "The index may not go:". `ours`: this program has made it, so that what it enforces is
    only what its change brought."""
    bound = (
        (index.constraint, f"it serves the constraint {index.constraint}"),
        (
            index.is_primary or (index.is_unique and index.usable and not ours and not index.constraint),
            "it enforces uniqueness",
        ),
        (index.replica_identity, "it is the table's replica identity: updates of a published table would fail"),
        (index.clustered, "the table is clustered on it"),
        (index.part_of or index.attached, f"it is a partition of the index {'.'.join(index.part_of)}"),
        (index.extension, f"it belongs to the extension {index.extension}"),
    )
    return [reason for holds, reason in bound if holds]


def last_for_a_key(facts: Facts) -> Check:
    """Without an index on the referring columns every DELETE of a referenced row reads the whole table."""
    line, index = "foreign keys", facts.named
    if index is None or not index.usable:
        return ok(line, "No foreign key rests on it", "indexes")
    keys = facts.ask("foreign_keys", schema=facts.change.schema, table=facts.change.table)
    others = [other for other in facts.indexes if other.oid != index.oid and other.table == index.table]
    for key in keys:
        columns = set(key["columns"])
        if _leads(index, columns) and not any(_leads(other, columns) for other in others):
            told = f"No other index begins with the columns of the foreign key {key['name']}"
            if facts.change.rolls_back:
                return warn(line, f"{told}, as before the change that is undone", "foreign_keys")
            return block(line, f"{told}: deletes of what it refers to would read the whole table", "foreign_keys")
    return ok(line, "No foreign key rests on it alone" if keys else "The table has none", "foreign_keys")


def _leads(index: IndexSeen, columns: set[str]) -> bool:
    return index.usable and not index.predicate and set(index.keys[: len(columns)]) == columns


def usage(facts: Facts) -> Check:
    line, index = "use", facts.named
    if facts.change.rolls_back or index is None:
        return ok(line, "It is the way back of a change")
    rows = facts.ask("index_use", index=index.oid)
    row = rows[0] if rows else {"scans": 0, "since": None, "last_scan": ""}
    since = f"since {row['since']}" if row["since"] else "since its counters began, which is not known"
    if row["scans"]:
        last = f", the last at {row['last_scan']}" if row["last_scan"] else ""
        return warn(
            line, f"This server counts {row['scans']} scans of it {since}{last}; standbys count their own", "index_use"
        )
    return ok(line, f"This server counts no scan of it {since}; standbys count their own", "index_use")


def statistics(facts: Facts) -> Check:
    line, index = "statistics of expressions", facts.named
    if index is None or facts.change.rolls_back or not any(index.expressions):
        return ok(line, "None goes with it", "indexes")
    texts = ", ".join(filter(None, index.expressions))
    return warn(line, f"The statistics of {texts} go with it, and plans of conditions on that may change", "indexes")
