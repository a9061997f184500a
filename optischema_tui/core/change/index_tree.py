"""The index of a partitioned table: one on the parent, one on each partition, and what attaches them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import IndexSeen, ask, is_of, see_indexes, see_many
from optischema_tui.core.change.restore import image_of, left, parts
from optischema_tui.core.change.written_index import free_name
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, IndexSpec, quote

if TYPE_CHECKING:
    import psycopg

Name = tuple[str, str]
Seen = Mapping[Name, IndexSeen]
_MOST_PARTITIONS = 1_000
"""The journal keeps every statement, and every step is written to it."""


@dataclass(frozen=True, slots=True)
class Node:
    """The index of one table of the tree."""

    schema: str
    table: str
    index: str
    parent: Name | None
    """(schema, name) of the index it is attached to; None for the topmost."""
    leaf: bool
    made: bool
    """False: it was there before, and is attached only."""
    create: str
    """The statement that makes it."""
    image: dict[str, Any] | None = None
    """What it must be, where it was seen before; else it is of the change's spec."""

    @property
    def name(self) -> Name:
        return self.schema, self.index


@dataclass(frozen=True, slots=True)
class Step:
    sql: str
    node: Node
    attaches: bool = False


def to_detail(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """As JSON values."""
    return [
        {
            "schema": node.schema,
            "table": node.table,
            "index": node.index,
            "parent": list(node.parent) if node.parent else [],
            "leaf": node.leaf,
            "made": node.made,
            "create": node.create,
            **({"image": node.image} if node.image else {}),
        }
        for node in nodes
    ]


def nodes_of(change: Change) -> tuple[Node, ...]:
    """The nodes of a change, the topmost first; none for a change of an ordinary index."""
    found = []
    for kept in change.detail.get("nodes", ()):
        parent = kept.get("parent") or None
        found.append(
            Node(
                kept["schema"], kept["table"], kept["index"], (parent[0], parent[1]) if parent else None,
                bool(kept["leaf"]), bool(kept["made"]), kept["create"], kept.get("image"),
            )
        )  # fmt: skip
    return tuple(found)


# --- what is to be made ---


def tree(connection: psycopg.Connection[Any], schema: str, table: str) -> list[dict[str, Any]]:
    """Rows of partition_tree.sql: the table itself, then all below it."""
    return ask(connection, "partition_tree", table=f"{quote(schema)}.{quote(table)}")


def plan(connection: psycopg.Connection[Any], spec: IndexSpec, name: str) -> tuple[Node, ...]:
    """The nodes of a new index. A partition that has an equal index already keeps it. Raises ChangeRefused."""
    rows = tree(connection, spec.schema, spec.table)
    if len(rows) > _MOST_PARTITIONS:
        raise ChangeRefused(
            f"{spec.table} has more than {_MOST_PARTITIONS} partitions",
            "Its index would take as many steps",
            "Build it partition by partition",
        )
    nodes: dict[Name, Node] = {}
    taken = {name}
    for row in rows:
        own = replace(spec, schema=row["schema"], table=row["name"])
        above = nodes.get((row["parent_schema"], row["parent"]))
        parent = above.name if above else None
        leaf = row["relkind"] != "p"
        there = _equal(connection, own, leaf) if parent else None
        if there is not None:
            node = Node(own.schema, own.table, there.name, parent, leaf, False, there.definition, image_of(there))
        else:
            index = name if parent is None else free_name(connection, own, taken)
            node = Node(own.schema, own.table, index, parent, leaf, True, own.sql(index, only=not leaf))
        taken.add(node.index)
        nodes[own.schema, own.table] = node
    return tuple(nodes.values())


def _equal(connection: psycopg.Connection[Any], spec: IndexSpec, leaf: bool) -> IndexSeen | None:
    """An index of a leaf that can be attached as it is."""
    if not leaf:
        return None
    for seen in see_indexes(connection, spec.schema, spec.table, ""):
        options = tuple((name, value) for name, _, value in (each.partition("=") for each in seen.parameters))
        if seen.usable and not seen.part_of and is_of(seen, replace(spec, options=options, tablespace="")):
            return seen
    return None


def existing(connection: psycopg.Connection[Any], schema: str, index: str) -> tuple[Node, ...]:
    """The nodes of an index that is there, each with its image."""
    rows = ask(connection, "index_tree", index=f"{quote(schema)}.{quote(index)}")
    seen = see_many(connection, [(row["schema"], row["name"]) for row in rows])
    found: list[Node] = []
    for row in rows:
        one = seen[row["schema"], row["name"]]
        parent = (row["parent_schema"], row["parent"]) if found else None
        image = image_of(one)
        leaf = one.relkind != "I"
        found.append(Node(one.table_schema, one.table, one.name, parent, leaf, True, str(image["create"]), image))
    return tuple(found)


def see_nodes(connection: psycopg.Connection[Any], nodes: Sequence[Node]) -> Seen:
    return see_many(connection, [node.name for node in nodes])


def steps(nodes: Sequence[Node]) -> tuple[Step, ...]:
    """Parent, then each part with all below it, attached when it is whole; what the images add at the end."""
    below: dict[Name, list[Node]] = {}
    for node in nodes[1:]:
        if node.parent:
            below.setdefault(node.parent, []).append(node)
    return (*_under(nodes[0], below), *(step for node in nodes for step in _extras(node)))


def _under(node: Node, below: Mapping[Name, Sequence[Node]]) -> Iterator[Step]:
    if node.made:
        yield Step(node.create, node)
    for child in below.get(node.name, ()):
        yield from _under(child, below)
        where, what = (f"{quote(schema)}.{quote(index)}" for schema, index in (node.name, child.name))
        yield Step(f"ALTER INDEX {where} ATTACH PARTITION {what}", child, attaches=True)


def _extras(node: Node) -> Iterator[Step]:
    if node.made and node.image:
        for part in parts(node.schema, node.index, node.image)[1:]:
            yield Step(part.sql, node)


def undone(nodes: Sequence[Node], seen: Seen) -> tuple[Step, ...]:
    """The steps whose effect the server does not show."""
    return tuple(step for step in steps(nodes) if not _done(step, seen.get(step.node.name)))


def _done(step: Step, seen: IndexSeen | None) -> bool:
    if seen is None:
        return False
    if step.attaches:
        return seen.part_of == step.node.parent
    if step.sql == step.node.create:
        return seen.relkind == "I" or seen.usable
    image = step.node.image
    return image is None or step.sql not in left(parts(step.node.schema, step.node.index, image), seen)


def stranger(node: Node, seen: IndexSeen, spec: IndexSpec | None, *, just_built: bool = False) -> str:
    """Why `seen` is not the index that `node` stands for, one sentence; empty when it is."""
    if (seen.table_schema, seen.table) != (node.schema, node.table):
        return f"{node.index} belongs to the table {seen.table_schema}.{seen.table}"
    if seen.part_of and seen.part_of != node.parent:
        return f"{node.index} is attached to {'.'.join(seen.part_of)}"
    if node.image is not None:
        same = seen.definition == node.image["definition"]
    else:
        own = replace(spec, schema=node.schema, table=node.table) if spec else None
        same = own is not None and is_of(seen, own, just_built=just_built)
    return "" if same else f"the definition of {node.index} is: {seen.definition}"


# --- what takes it away ---


def removal(nodes: Sequence[Node], *, partly: bool) -> tuple[str, ...]:
    """The statements of the way back: the topmost takes all that is attached with it, so that what was there before
    is built again; `partly`: what may not be attached yet goes first, one by one."""
    loose = [node for node in reversed(nodes[1:]) if node.made] if partly else []
    return (
        *(drop(node) for node in loose),
        drop(nodes[0]),
        *(part.sql for node in nodes if not node.made and node.image
          for part in parts(node.schema, node.index, node.image)),
    )  # fmt: skip


def unremoved(nodes: Sequence[Node], seen: Seen) -> tuple[str, ...]:
    """Those of all statements of the way back that the server does not show as done."""
    found = [drop(node) for node in nodes if node.made and node.name in seen and not seen[node.name].part_of]
    for node in nodes:
        if not node.made and node.image:
            one = seen.get(node.name)
            goes = one is None or bool(one.part_of)
            found += left(parts(node.schema, node.index, node.image), None if goes else one)
    return tuple(found)


def drop(node: Node) -> str:
    """Only the index of an ordinary table that is not attached can go concurrently."""
    how = "DROP INDEX CONCURRENTLY" if node.leaf else "DROP INDEX"
    return f"{how} {quote(node.schema)}.{quote(node.index)}"
