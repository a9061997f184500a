"""Facts of the schema, for the advisor."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.models.identity import quote


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    name: str
    type_name: str
    not_null: bool
    null_frac: float = 0.0
    avg_width: int = 8
    n_distinct: float = 0.0
    """As in pg_stats: negative is a fraction of the rows; 0 unknown."""
    most_common_vals: tuple[str, ...] = ()
    most_common_freqs: tuple[float, ...] = ()
    histogram_bounds: tuple[str, ...] = ()
    has_btree: bool = True
    """The type has a default btree operator class."""


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """A B-tree to create: the canonical form that recommendations, the lab and the change room share."""

    schema: str
    table: str
    columns: tuple[str, ...]
    """Key columns in order, unquoted names."""
    descending: tuple[bool, ...] = ()
    """Per key column; empty means all ascending."""
    include: tuple[str, ...] = ()
    predicate: str = ""
    """SQL text of a partial index's WHERE, without the keyword."""

    def sql(self, name: str, *, concurrently: bool = True) -> str:
        """The CREATE INDEX statement, everything quoted, without a trailing semicolon."""
        keys = ", ".join(
            quote(column) + (" DESC" if self.descending and self.descending[position] else "")
            for position, column in enumerate(self.columns)
        )
        how = "CREATE INDEX CONCURRENTLY" if concurrently else "CREATE INDEX"
        text = f"{how} {quote(name)} ON {quote(self.schema)}.{quote(self.table)} USING btree ({keys})"
        if self.include:
            text += f" INCLUDE ({', '.join(map(quote, self.include))})"
        return text + (f" WHERE {self.predicate}" if self.predicate else "")


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """An existing index."""

    schema: str
    name: str
    table: str
    method: str
    columns: tuple[str, ...]
    """Key columns; an expression stands as its SQL text in parentheses."""
    include: tuple[str, ...]
    descending: tuple[bool, ...]
    predicate: str
    unique: bool
    primary: bool
    valid: bool
    constraint: bool
    size_bytes: int
    definition: str
    expressions: bool = False


@dataclass(frozen=True, slots=True)
class TableFacts:
    schema: str
    name: str
    oid: int
    rows: float
    """reltuples scaled to the present size; -1 never analyzed."""
    size_bytes: int
    columns: tuple[ColumnFacts, ...]
    indexes: tuple[IndexFacts, ...]
    writes: int = 0
    """n_tup_ins + n_tup_upd + n_tup_del since the statistics were reset."""
    foreign_keys: tuple[tuple[str, ...], ...] = ()
    """Column lists of the foreign keys that this table declares."""
    partitioned: bool = False
    partition_of: str = ""
    """Name of the partitioned parent (or inheritance parent) that this table is a part of; empty for none."""


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """Tables by (schema, name)."""

    tables: dict[tuple[str, str], TableFacts]
    search_path: tuple[str, ...] = ("public",)
