"""The SQL that makes an index and the SQL that takes it away, also where one statement does not do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from optischema_tui.core.advise.naming import index_name
from optischema_tui.core.models import CatalogFacts, IndexSpec, TableFacts, quote


def forward_and_inverse(spec: IndexSpec, name: str, facts: CatalogFacts) -> tuple[str, str]:
    """(statements that build, statements that undo), several joined by `;` and a new line, none at the end.

    The server refuses CREATE INDEX CONCURRENTLY on a partitioned table: there the index is made ON ONLY the parent
    (quick, invalid at first), then concurrently on each partition, and each of those is attached; with the last the
    parent's becomes valid. Its removal cannot be concurrent.
    """
    table = facts.tables[spec.schema, spec.table]
    where = f"{quote(spec.schema)}.{quote(name)}"
    if not table.partitioned:
        return spec.sql(name), f"DROP INDEX CONCURRENTLY {where}"
    taken = {each.name for one in facts.tables.values() for each in one.indexes} | {key[1] for key in facts.tables}
    return ";\n".join(_steps(spec, name, table, facts, taken)), f"DROP INDEX {where}"


def _steps(spec: IndexSpec, name: str, table: TableFacts, facts: CatalogFacts, taken: Collection[str]) -> Iterator[str]:
    yield _only(spec, name)
    for part in _partitions(table, facts):
        own = replace(spec, schema=part.schema, table=part.name)
        child = index_name(own, taken)
        if part.partitioned:
            yield from _steps(own, child, part, facts, taken)
        else:
            yield own.sql(child)
        yield f"ALTER INDEX {quote(spec.schema)}.{quote(name)} ATTACH PARTITION {quote(part.schema)}.{quote(child)}"


def _only(spec: IndexSpec, name: str) -> str:
    head = f"CREATE INDEX {quote(name)} ON "
    return f"{head}ONLY {spec.sql(name, concurrently=False).removeprefix(head)}"


def _partitions(table: TableFacts, facts: CatalogFacts) -> list[TableFacts]:
    """The direct ones, by name. Facts name a parent without its schema: one in the same schema goes first."""
    found = []
    for each in facts.tables.values():
        if each.partition_of != table.name or each is table:
            continue
        same = facts.tables.get((each.schema, each.partition_of))
        if same is None or same is table:
            found.append(each)
    return sorted(found, key=lambda each: (each.schema, each.name))
