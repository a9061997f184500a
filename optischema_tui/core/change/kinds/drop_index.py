"""DROP INDEX CONCURRENTLY of one index, or DROP INDEX of a partitioned one: it must still be the recorded one, and
carry nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import (
    IndexSeen,
    difference,
    outcome_of_index,
    resolve,
    see_index,
    see_one,
    spec_of,
)
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.droppable import NEEDS, last_for_a_key, reasons_to_stay, statistics, usage
from optischema_tui.core.change.index_tree import (
    drop,
    existing,
    nodes_of,
    see_nodes,
    steps,
    stranger,
    to_detail,
    tree,
    unremoved,
)
from optischema_tui.core.change.kinds import create_index, partitioned_index
from optischema_tui.core.change.kinds.found import not_understood, refuse_rest
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.restore import image_of, parts, unkept
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NAME = "drop_index"
LOCK_DATABASE = ""
MEASURED = Measured.TABLE
_KEPT = ("spec", "definition", "image", "nodes", "size_bytes")
"""Of the change's detail, what its undo needs too."""
INVALID_CAUTION = "The index is invalid: no plan uses it, writes keep it up. It is not built again by an undo"

lock_key = create_index.lock_key


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not words.take("DROP", "INDEX"):
        return None
    words.take("CONCURRENTLY")
    words.take("IF", "EXISTS")
    name = words.qualified()
    if name is None:
        raise not_understood(words, "DROP INDEX")
    words.take("RESTRICT")
    if words.next == ",":
        raise ChangeRefused("Several indexes at once are not dropped", todo="Propose a change for each")
    refuse_rest(words, "DROP INDEX")
    index = _found(connection, *name)
    if index.relkind == "I":
        return _of_partitioned(connection, index)
    return _of_one(connection, index)


def _found(connection: psycopg.Connection[Any], schema: str, name: str) -> IndexSeen:
    told = ".".join(one_line(part, 80) for part in (schema, name) if part)
    row = resolve(connection, schema, name)
    if row is None or row["relkind"] not in ("i", "I"):
        raise ChangeRefused(f"There is no index {told}", todo="Write its name with its schema")
    seen = see_one(connection, row["schema"], row["name"])
    if seen is None or row["schema"] in ("pg_catalog", "pg_toast"):
        raise ChangeRefused(f"{told} is one of the server's own indexes", todo="Name an index of yours")
    if reasons := reasons_to_stay(seen):
        raise ChangeRefused(f"The index {told} may not go", "; ".join(reasons), _instead(seen))
    return seen


def _instead(seen: IndexSeen) -> str:
    if seen.constraint:
        return f"Only ALTER TABLE .. DROP CONSTRAINT {quote(seen.constraint)} takes it away: that is yours to run"
    if seen.part_of:
        return f"Drop {'.'.join(map(quote, seen.part_of))}, which takes all of its parts"
    return "Take that from it first, when you are sure"


def _of_one(connection: psycopg.Connection[Any], seen: IndexSeen) -> Draft:
    image = image_of(seen)
    _keepable(image)
    return Draft(
        kind=NAME,
        title=_title(seen),
        subject=f"{seen.table_schema}.{seen.name}",
        steps=(f"DROP INDEX CONCURRENTLY {quote(seen.table_schema)}.{quote(seen.name)}",),
        undo=tuple(part.sql for part in parts(seen.table_schema, seen.name, image)) if seen.usable else (),
        schema=seen.table_schema,
        table=seen.table,
        index_name=seen.name,
        cautions=NEEDS if seen.usable else (INVALID_CAUTION,),
        detail={**_known(seen), "image": image},
    )


def _of_partitioned(connection: psycopg.Connection[Any], seen: IndexSeen) -> Draft:
    nodes = existing(connection, seen.table_schema, seen.name)
    below = see_nodes(connection, nodes)
    for node in nodes:
        one = below[node.name]
        _keepable(node.image or {})
        if reasons := [why for why in reasons_to_stay(one) if not one.part_of]:
            raise ChangeRefused(f"Its part {one_line(node.index, 80)} may not go", "; ".join(reasons))
    whole = seen.usable
    return Draft(
        kind=NAME,
        title=_title(seen),
        subject=f"{seen.table_schema}.{seen.name}",
        steps=(drop(nodes[0]),),
        undo=tuple(step.sql for step in steps(nodes)) if whole else (),
        schema=seen.table_schema,
        table=seen.table,
        index_name=seen.name,
        cautions=(*(NEEDS if whole else (INVALID_CAUTION,)), partitioned_index.PARENT_CAUTION),
        detail={**_known(seen), "nodes": to_detail(nodes)},
    )


def _title(seen: IndexSeen) -> str:
    return f"Drop index {one_line(seen.name, 80)} of {one_line(seen.table, 80)}"


def _known(seen: IndexSeen) -> dict[str, Any]:
    return {"definition": seen.definition, "index_oid": seen.oid, "size_bytes": seen.size_bytes}


def _keepable(image: dict[str, Any]) -> None:
    if image and (why := unkept(image)):
        raise ChangeRefused("This index is not dropped by this program", why, "Run the SQL yourself")


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = on_table.table_identity(facts)
    yield identity
    if on_table.blocked(identity):
        return
    if nodes_of(facts.change):
        yield from _preflight_of_partitioned(facts)
        return
    yield create_index.one_relation(facts)
    yield on_table.privileges(facts)
    for check in CHECKS:
        yield check(facts)
    yield from on_table.waits(facts)


def _preflight_of_partitioned(facts: Facts) -> Iterator[Check]:
    rows = tree(facts.connection, facts.change.schema, facts.change.table)
    yield partitioned_index.privileges(rows)
    yield parts_unchanged(facts)
    yield carries_nothing(facts)
    yield nothing_later(facts)
    yield from partitioned_index.waits(facts, rows)


def parts_unchanged(facts: Facts) -> Check:
    """All indexes that go are still the recorded ones, and none carries anything."""
    line, nodes, change = "index unchanged", nodes_of(facts.change), facts.change
    seen, spec = see_nodes(facts.connection, nodes), spec_of(change)
    if nodes[0].name not in seen and not unremoved(nodes, seen):
        return _gone(facts)
    for node in nodes:
        index = seen.get(node.name)
        if index is None:
            continue
        if why := stranger(node, index, spec):
            return block(line, f"It is not the index that was recorded: {why}", "indexes")
        held = [why for why in reasons_to_stay(index, ours=bool(change.rolls_back)) if not index.part_of]
        if index.part_of and (index.replica_identity or index.clustered):
            held = ["it is its partition's replica identity, or the partition is clustered on it"]
        if held and node.made:
            return block(line, f"The index {node.index} may not go: {'; '.join(held)}", "indexes")
    names = {node.name for node in nodes}
    below = {(row["schema"], row["name"]) for row in facts.ask("index_tree", index=_quoted(change))}
    if more := below - names:
        told = ", ".join(".".join(name) for name in sorted(more)[:5])
        if not change.rolls_back:
            return block(line, f"It has parts that it had not at the approval: {told}", "index_tree")
        return warn(line, f"Partitions were added since, whose parts go with it: {told}", "index_tree")
    return ok(line, f"The {len(nodes)} indexes are as recorded", "indexes")


def _quoted(change: Change) -> str:
    return f"{quote(change.schema)}.{quote(change.index_name)}"


def _gone(facts: Facts) -> Check:
    line = "index unchanged"
    if facts.change.rolls_back:
        return warn(
            line, f"The index {facts.change.index_name} is gone already: only the journal is set right", "indexes"
        )
    return block(line, f"There is no index {facts.change.index_name}", "indexes")


def still_ours(facts: Facts) -> Check:
    line, index = "index unchanged", facts.named
    oid = facts.change.detail.get("index_oid")
    renamed = next((other.name for other in facts.indexes if index is None and other.oid == oid), "")
    if renamed:
        return block(line, f"The index has been renamed to {renamed}: somebody has a use for it", "indexes")
    if index is None:
        return _gone(facts)
    if why := difference(facts.change, index):
        return block(line, f"It is not the index that was recorded: {why}", "indexes")
    image = image_of(index)
    if why := unkept(image):
        return block(line, why, "indexes")
    recorded = facts.change.detail.get("image")
    if recorded and recorded != image:
        now = ", ".join(sorted(key for key, value in image.items() if recorded.get(key) != value))
        return block(line, f"It has been changed since this was written: {now}", "indexes")
    if not index.usable:
        return warn(line, "The index is invalid: it only costs writes, until this takes it away", "indexes")
    return ok(line, "Name and definition are as recorded", "indexes")


def carries_nothing(facts: Facts) -> Check:
    line, index = "index not needed otherwise", facts.named
    if index is None:
        return ok(line, "There is no such index", "indexes")
    if reasons := reasons_to_stay(index, ours=bool(facts.change.rolls_back)):
        return block(line, f"The index may not go: {'; '.join(reasons)}", "indexes")
    return ok(line, "No constraint, replica identity, clustering, partition or extension depends on it", "indexes")


def nothing_later(facts: Facts) -> Check:
    line = "later changes"
    if not facts.later:
        return ok(line, "No later change of ours on this table")
    names = ", ".join(change.index_name or change.subject for change in facts.later)
    return warn(line, f"Later changes on this table were proved with this index present: {names}")


CHECKS = (still_ours, carries_nothing, last_for_a_key, usage, statistics, nothing_later)


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    """As the index is now; of a partitioned one as it was recorded, when a part of it is gone already."""
    seen = see_index(connection, change)
    nodes = nodes_of(change)
    if seen is None:
        return {}
    if not nodes:
        return {"definition": seen.definition, "image": image_of(seen)}
    whole = {node.name: node for node in existing(connection, change.schema, change.index_name)}
    if not seen.usable or any(node.name not in whole for node in nodes):
        return {"definition": seen.definition}
    fresh = [whole[node.name] if node.made else node for node in nodes]
    return {"definition": seen.definition, "nodes": to_detail(fresh)}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    nodes = nodes_of(change)
    if nodes:
        todo = unremoved(nodes, see_nodes(connection, nodes))
        return tuple(sql for sql in change.steps if sql in todo)
    return () if see_index(connection, change) is None else change.steps


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    nodes = nodes_of(change)
    if not nodes:
        return outcome_of_index(change, see_index(connection, change), wanted=False, just_built=just_ran)
    seen, name = see_nodes(connection, nodes), f"{change.schema}.{change.index_name}"
    todo = [sql for sql in change.steps if sql in unremoved(nodes, seen)]
    if not todo:
        return Outcome.DONE, f"The index {name} is not on the server"
    for node in nodes:
        index = seen.get(node.name)
        if index is not None and (why := stranger(node, index, spec_of(change), just_built=just_ran)):
            return Outcome.CONFLICT, f"It is not the approved one: {why}"
    if cleanup(connection, change):
        return Outcome.HALF, f"A part of the index {name} is there, but invalid"
    top = seen.get(nodes[0].name)
    if top is not None and top.usable:
        return Outcome.NOT_DONE, f"The index {name} is there and valid"
    return Outcome.PART, f"{len(todo)} of {len(change.steps)} statements are left"


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    """What a drop or a build has left invalid."""
    nodes = nodes_of(change)
    if not nodes:
        return create_index.cleanup(connection, change)
    seen = see_nodes(connection, nodes)
    broken = [node for node in nodes if node.leaf and node.name in seen and not seen[node.name].usable]
    return tuple(drop(node) for node in broken if not seen[node.name].part_of)


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, "The index is gone from the catalog")


def inverse(change: Change) -> Draft | None:
    """By what was recorded at the intent, else by what was approved."""
    if not change.inverse_sql and not change.rolls_back:
        return None
    nodes, image = nodes_of(change), change.detail.get("image")
    if change.state is ChangeState.LEFTOVER and not nodes:
        return _made_whole(change)
    kind, todo = create_index.NAME, change.undo_steps
    if nodes:
        kind, todo = partitioned_index.NAME, tuple(step.sql for step in steps(nodes))
    elif isinstance(image, dict):
        todo = tuple(part.sql for part in parts(change.schema, change.index_name, image))
    return Draft(
        kind=kind,
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=todo,
        undo=change.steps,
        schema=change.schema,
        table=change.table,
        index_name=change.index_name,
        detail={key: change.detail[key] for key in _KEPT if key in change.detail},
    )


def _made_whole(change: Change) -> Draft:
    """Of a drop that was broken off in the middle the index is still there, invalid and with all that belongs to it."""
    return Draft(
        kind="reindex",
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=(f"REINDEX INDEX CONCURRENTLY {_quoted(change)}",),
        undo=(),
        schema=change.schema,
        table=change.table,
        index_name=change.index_name,
        detail={key: change.detail[key] for key in ("size_bytes",) if key in change.detail},
    )
