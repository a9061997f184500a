"""Checks that only the removal of an index needs: it must still be ours, unchanged, and carry nothing else."""

from __future__ import annotations

from optischema_tui.core.change.catalog import difference
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.models import Check


def still_ours(facts: Facts) -> Check:
    line, index = "index unchanged", facts.named
    oid = facts.change.detail.get("index_oid")
    renamed = next((other.name for other in facts.indexes if index is None and other.oid == oid), "")
    if renamed:
        return block(line, f"The index has been renamed to {renamed}: somebody has a use for it", "indexes")
    if index is None and facts.change.rolls_back:
        return warn(
            line, f"The index {facts.change.index_name} is gone already: only the journal is set right", "indexes"
        )
    if index is None:
        return block(line, f"There is no index {facts.change.index_name}", "indexes")
    if why := difference(facts.change, index):
        return block(line, f"It is not the index that was recorded: {why}", "indexes")
    if not index.usable:
        return warn(line, "The index is invalid already: a drop was begun and not ended. This ends it", "indexes")
    return ok(line, "Name and definition are as recorded", "indexes")


def carries_nothing(facts: Facts) -> Check:
    line, index = "index not needed otherwise", facts.named
    if index is None:
        return ok(line, "There is no such index", "indexes")
    bound = (
        (index.constraint, f"it serves the constraint {index.constraint}"),
        (index.is_primary or index.is_unique, "it enforces uniqueness"),
        (index.replica_identity, "it is the table's replica identity: updates of a published table would fail"),
        (index.clustered, "the table is clustered on it"),
        (index.attached, "it is a partition of a partitioned index"),
        (index.extension, f"it belongs to the extension {index.extension}"),
    )
    reasons = [reason for holds, reason in bound if holds]
    if reasons:
        return block(line, f"The index may not go: {'; '.join(reasons)}", "indexes")
    return ok(line, "No constraint, replica identity, clustering, partition or extension depends on it", "indexes")


def nothing_later(facts: Facts) -> Check:
    line = "later changes"
    if not facts.later:
        return ok(line, "No later change of ours on this table")
    names = ", ".join(change.index_name for change in facts.later)
    return warn(line, f"Later changes on this table were proved with this index present: {names}")


CHECKS = (still_ours, carries_nothing, nothing_later)
