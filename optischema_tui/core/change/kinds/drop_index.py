"""DROP INDEX CONCURRENTLY of one index of one table: it must still be the recorded one, and carry nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import difference, outcome_of_index, see_index
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds import create_index
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.models import Change, ChangeState, Check

if TYPE_CHECKING:
    import psycopg

NAME = "drop_index"
LOCK_DATABASE = ""
MEASURED = Measured.TABLE
_KEPT = ("spec", "definition", "size_bytes")
"""Of the change's detail, what its undo needs too."""

lock_key = create_index.lock_key
cleanup = create_index.cleanup


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    return None


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = on_table.table_identity(facts)
    yield identity
    if on_table.blocked(identity):
        return
    yield create_index.one_relation(facts)
    yield on_table.privileges(facts)
    for check in CHECKS:
        yield check(facts)
    yield from on_table.waits(facts)


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


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    seen = see_index(connection, change)
    return {} if seen is None else {"definition": seen.definition}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return () if see_index(connection, change) is None else change.steps


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    return outcome_of_index(change, see_index(connection, change), wanted=False, just_built=just_ran)


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, "The index is gone from the catalog")


def inverse(change: Change) -> Draft | None:
    return Draft(
        kind=create_index.NAME,
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        schema=change.schema,
        table=change.table,
        index_name=change.index_name,
        detail={key: change.detail[key] for key in _KEPT if key in change.detail},
    )
