"""CREATE INDEX on a partitioned table: on the parent alone, then concurrently on each partition, each attached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import spec_of, spec_to_detail
from optischema_tui.core.change.checks import Facts, block, ok
from optischema_tui.core.change.index_tree import (
    Node,
    drop,
    nodes_of,
    plan,
    removal,
    see_nodes,
    steps,
    stranger,
    to_detail,
    tree,
    undone,
)
from optischema_tui.core.change.kinds import create_index
from optischema_tui.core.change.kinds.found import keepable
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.verify import plans_use_it
from optischema_tui.core.change.waits import WAIT_CHECKS, replication
from optischema_tui.core.change.written_index import UNIQUE_CAUTION, read_written, size_estimate
from optischema_tui.core.models import Change, ChangeState, Check, Level, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NAME = "partitioned_index"
LOCK_DATABASE = ""
MEASURED = Measured.STATEMENTS
PARENT_CAUTION = (
    "While the index of the parent is entered, and while it is taken away again, others wait for at most half a second "
    "at a time: writes through the parent at the entry, reads and writes of all partitions at the undo"
)

lock_key = create_index.lock_key


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    written = read_written(connection, sql)
    if written is None or written.relkind != "p":
        return None
    spec, name = written.spec, written.name
    nodes = plan(connection, spec, name)
    todo = tuple(step.sql for step in steps(nodes))
    keepable(*todo)
    sizes = [size_estimate(connection, replace(spec, schema=n.schema, table=n.table)) for n in nodes if n.leaf]
    again = [node.index for node in nodes if not node.made]
    cautions = [PARENT_CAUTION, *([UNIQUE_CAUTION] if spec.unique else [])]
    if again:
        names = ", ".join(one_line(each, 80) for each in again)
        cautions.append(f"The undo takes these, which are attached, with it and builds them again: {names}")
    return Draft(
        kind=NAME,
        title=f"Create {'unique ' if spec.unique else ''}index {one_line(name, 80)} on the partitioned table "
        f"{one_line(spec.table, 80)}",
        subject=f"{spec.schema}.{name}",
        steps=todo,
        undo=removal(nodes, partly=False),
        schema=spec.schema,
        table=spec.table,
        index_name=name,
        cautions=tuple(cautions),
        detail={"spec": spec_to_detail(spec), "nodes": to_detail(nodes), "size_bytes": sum(sizes)},
    )


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = on_table.table_identity(facts)
    yield identity
    if on_table.blocked(identity):
        return
    rows = tree(facts.connection, facts.change.schema, facts.change.table)
    planned = partitions_as_planned(facts, rows)
    yield planned
    if on_table.blocked(planned):
        return
    yield privileges(rows)
    yield names_are_free(facts)
    if not create_index.carried_on(facts.change):
        yield create_index.nothing_covers(facts)
    yield create_index.names_are_the_servers_own(facts)
    yield create_index.room_on_disk(facts)
    yield from waits(facts, rows)


def partitions_as_planned(facts: Facts, rows: Sequence[dict[str, Any]]) -> Check:
    """The partitions are those of the approval, and each can hold an index."""
    line = "partitions"
    if facts.table["relkind"] != "p":
        return block(line, f"{facts.change.schema}.{facts.change.table} is not partitioned any more", "table")
    if why := moved(nodes_of(facts.change), rows):
        return block(line, f"{why}: write the CREATE INDEX as a new change", "partition_tree")
    odd = [row["name"] for row in rows if row["relkind"] not in ("r", "p") or row["persistence"] == "t"]
    if odd:
        return block(line, f"These can hold no index, so that the parent's would never be valid: {', '.join(odd)}")
    leaves = [row for row in rows if row["relkind"] == "r"]
    size = sum(row["size_bytes"] for row in leaves) >> 20
    return ok(line, f"{len(leaves)} partitions with {size} MB, as approved", "partition_tree")


def moved(nodes: Sequence[Node], rows: Sequence[dict[str, Any]]) -> str:
    """What has come and gone among the partitions since the approval, one sentence; empty when nothing has."""
    then, now = {(node.schema, node.table) for node in nodes}, {(row["schema"], row["name"]) for row in rows}
    told = [
        f"{word} since the approval: {', '.join('.'.join(name) for name in sorted(names)[:5])}"
        for word, names in (("Detached or dropped", then - now), ("Added", now - then))
        if names
    ]
    return "; ".join(told)


def privileges(rows: Sequence[dict[str, Any]]) -> Check:
    line, role = "privilege to do and undo", rows[0]["role"]
    owners = sorted({row["owner"] for row in rows if not row["owns"]})
    schemas = sorted({row["schema"] for row in rows if not row["may_create"]})
    missing = [f"GRANT {quote(owner)} TO {quote(role)}" for owner in owners]
    missing += [f"GRANT CREATE ON SCHEMA {quote(schema)} TO {quote(role)}" for schema in schemas]
    if missing:
        return block(
            line, f"Role {role} cannot both make and undo this; it needs: {'; '.join(missing)}", "partition_tree"
        )
    return ok(line, f"Role {role} owns all partitions and may create in their schemas", "partition_tree")


def names_are_free(facts: Facts) -> Check:
    line, nodes = "index names", nodes_of(facts.change)
    seen, spec = see_nodes(facts.connection, nodes), spec_of(facts.change)
    going_on = create_index.carried_on(facts.change)
    for node in nodes:
        index = seen.get(node.name)
        if index is None:
            if not node.made:
                return block(line, f"The index {node.index}, which was to be attached, is gone", "indexes")
            if facts.ask("named", schema=node.schema, name=node.index):
                return block(line, f"Something else in schema {node.schema} has the name {node.index}", "named")
        elif node.made and not going_on:
            return block(line, f"An index {node.index} exists: {index.definition}", "indexes")
        elif why := stranger(node, index, spec):
            return block(line, why, "indexes")
    return ok(line, f"The {len(nodes)} names are free, or those of this change", "indexes")


def waits(facts: Facts, rows: Sequence[dict[str, Any]]) -> Iterator[Check]:
    """Each check of waits, made of every table: the worst line of each, with the table's name."""
    tables = [(row, _of(facts, row)) for row in rows]
    for check in WAIT_CHECKS:
        yield _worst(check, tables[:1] if check is replication else tables)


def _of(facts: Facts, row: dict[str, Any]) -> Facts:
    return replace(
        facts,
        change=replace(facts.change, schema=row["schema"], table=row["name"]),
        table={**facts.table, "oid": row["oid"], "relkind": row["relkind"], "owner": row["owner"]},
    )


def _worst(check: Callable[[Facts], Check], tables: Sequence[tuple[dict[str, Any], Facts]]) -> Check:
    order = (Level.PASS, Level.WARN, Level.BLOCK)
    worst = check(tables[0][1])
    for row, one in tables[1:]:
        found = check(one)
        if order.index(found.level) > order.index(worst.level):
            worst = replace(found, reason=f"{row['schema']}.{row['name']}: {found.reason}")
    return worst


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    return {}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    nodes = nodes_of(change)
    todo = {step.sql for step in undone(nodes, see_nodes(connection, nodes))}
    return tuple(sql for sql in change.steps if sql in todo)


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    nodes, spec = nodes_of(change), spec_of(change)
    seen = see_nodes(connection, nodes)
    made = [node for node in nodes if node.made and node.name in seen]
    name = f"{change.schema}.{change.index_name}"
    if not made:
        return Outcome.NOT_DONE, f"The index {name} is not on the server, nor on a partition"
    for node in nodes:
        index = seen.get(node.name)
        if index is not None and (why := stranger(node, index, spec, just_built=just_ran)):
            return Outcome.CONFLICT, f"It is not the approved one: {why}"
    if broken := _broken(nodes, seen):
        return Outcome.HALF, f"The index {broken[0].index} is there, but invalid"
    top, todo = seen.get(nodes[0].name), undone(nodes, seen)
    if top is not None and top.usable and not todo:
        return Outcome.DONE, f"The index {name} is there and valid, with {len(nodes) - 1} below it"
    if why := moved(nodes, tree(connection, change.schema, change.table)):
        return Outcome.CONFLICT, f"The index {name} cannot be finished: {why}"
    if not todo:
        return Outcome.CONFLICT, f"The index {name} is not valid, although all of its parts are attached"
    return Outcome.PART, f"{len(change.steps) - len(todo)} of {len(change.steps)} statements are done"


def _broken(nodes: Sequence[Node], seen: Any) -> list[Node]:
    """Indexes of partitions that a build has left invalid."""
    return [
        node for node in nodes
        if node.leaf and node.made and node.name in seen and not seen[node.name].usable and not seen[node.name].part_of
    ]  # fmt: skip


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    nodes = nodes_of(change)
    return tuple(map(drop, _broken(nodes, see_nodes(connection, nodes))))


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    nodes = nodes_of(ledger.change)
    top = see_nodes(connection, nodes[:1]).get(nodes[0].name)
    if top is None or not top.usable:
        return ledger.move(
            ChangeState.NEEDS_ATTENTION, f"The index {ledger.change.index_name} is not there and valid any more"
        )
    return plans_use_it(connection, ledger, frozenset(node.index for node in nodes))


def inverse(change: Change) -> Draft | None:
    """What a part of it has left is taken away one by one, before the topmost."""
    nodes = nodes_of(change)
    partly = change.state in (ChangeState.LEFTOVER, ChangeState.NEEDS_ATTENTION) or bool(change.detail.get("error"))
    return Draft(
        kind="drop_index",
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=removal(nodes, partly=partly),
        undo=tuple(step.sql for step in steps(nodes)),
        schema=change.schema,
        table=change.table,
        index_name=change.index_name,
        cautions=(PARENT_CAUTION,),
        detail={key: change.detail[key] for key in ("spec", "nodes", "size_bytes") if key in change.detail},
    )
