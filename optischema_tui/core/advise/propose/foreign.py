"""Foreign keys that no index serves: a delete in the parent reads the whole child."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optischema_tui.core.advise.propose.coverage import conditions
from optischema_tui.core.models import CatalogFacts, ForeignKey, IndexSpec, TableFacts, quote


@dataclass(frozen=True, slots=True)
class Gap:
    """A foreign key without an index."""

    table: TableFacts
    """The child, which declares it."""
    key: ForeignKey
    parent: TableFacts | None
    """None where its facts are not known."""

    @property
    def load(self) -> int:
        """Deletes and updates of the parent since its statistics were reset: each delete, and each update of the
        referenced columns, looks into the child."""
        return self.parent.deletes + self.parent.updates if self.parent is not None else 0

    @property
    def spec(self) -> IndexSpec:
        return IndexSpec(self.table.schema, self.table.name, self.key.columns)

    def sentence(self) -> str:
        deletes = self.parent.deletes if self.parent is not None else 0
        updates = self.parent.updates if self.parent is not None else 0
        return (
            f"no index serves this foreign key to {self.key.table}: each delete there (and each update of the key)"
            f" reads all of {self.table.name}; {self.key.table} has seen {deletes:,} deletes and {updates:,} updates"
        )

    def check_sql(self) -> str:
        """What the server runs in the child for each row that is deleted in the parent; a plan of it tells the cost."""
        where = " AND ".join(f"x.{quote(name)} = ${place}" for place, name in enumerate(self.key.columns, 1))
        return f"SELECT 1 FROM {quote(self.table.schema)}.{quote(self.table.name)} x WHERE {where} FOR KEY SHARE OF x"


def gaps(facts: CatalogFacts) -> tuple[Gap, ...]:
    """The busiest parents first."""
    return tuple(sorted(_gaps(facts), key=lambda gap: (-gap.load, gap.table.schema, gap.table.name, gap.key.columns)))


def _gaps(facts: CatalogFacts) -> Iterator[Gap]:
    for table in facts.tables.values():
        for key in table.foreign_keys:
            if not table.partition_of and not _served(table, key):
                yield Gap(table, key, facts.tables.get((key.schema, key.table)))


def _served(table: TableFacts, key: ForeignKey) -> bool:
    wanted = set(key.columns)
    harmless = {f"{name} IS NOT NULL" for name in wanted}  # a check never looks for NULL
    return any(
        index.valid
        and index.method == "btree"
        and conditions(index.predicate) <= harmless
        and set(index.columns[: len(wanted)]) == wanted
        for index in table.indexes
    )
