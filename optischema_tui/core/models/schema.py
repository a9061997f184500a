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
    correlation: float = 0.0
    """-1 to 1: how far the rows lie in the order of its values; 0 also unknown."""
    collation: str = ""
    """Qualified and quoted; empty for its type's own."""
    collate_c: bool = False
    """Its texts are ordered byte by byte, so that an ordinary B-tree serves prefixes."""
    unknown_ends: bool = False
    """Its table has changed since ANALYZE and its smallest and largest values are not known: the target's planner looks
    them up, so an estimate of a range of it made elsewhere is a guess."""


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index to create: the canonical form that recommendations, the lab and the change room share.

    The tuples that go "per key" are as long as `columns`, or empty where every key has the default.
    """

    schema: str
    table: str
    columns: tuple[str, ...]
    """Keys in order: unquoted column names; where `computed` says so, an expression's SQL text in parentheses."""
    descending: tuple[bool, ...] = ()
    """Per key."""
    include: tuple[str, ...] = ()
    """Unquoted column names."""
    predicate: str = ""
    """SQL text of a partial index's WHERE, without the keyword."""
    method: str = "btree"
    computed: tuple[bool, ...] = ()
    """Per key: an expression, not a column."""
    opclasses: tuple[str, ...] = ()
    """Per key: a built-in operator class such as text_pattern_ops; empty for the type's own."""
    nulls: tuple[str, ...] = ()
    """Per key: FIRST or LAST where it differs from the direction's own (ASC: LAST, DESC: FIRST), else empty."""
    unique: bool = False
    nulls_not_distinct: bool = False
    """Of a unique one, PostgreSQL 15+: two NULLs are a duplicate."""
    options: tuple[tuple[str, str], ...] = ()
    """Storage parameters, such as ("fillfactor", "70")."""
    tablespace: str = ""
    """Unquoted; empty for the default."""

    def is_computed(self, position: int) -> bool:
        return bool(self.computed) and self.computed[position]

    @property
    def plain(self) -> bool:
        """A B-tree on columns with the types' own operator classes, over all rows."""
        return self.method == "btree" and not (any(self.computed) or any(self.opclasses) or self.predicate)

    def key(self, position: int) -> str:
        """One key as CREATE INDEX takes it."""
        name = self.columns[position]
        text = name if self.is_computed(position) else quote(name)
        text += f" {self.opclasses[position]}" if self.opclasses and self.opclasses[position] else ""
        text += " DESC" if self.descending and self.descending[position] else ""
        return text + (f" NULLS {self.nulls[position]}" if self.nulls and self.nulls[position] else "")

    def sql(self, name: str, *, concurrently: bool = True, only: bool = False) -> str:
        """The CREATE INDEX statement, every name quoted, without a trailing semicolon. `only`: of a partitioned table,
        without its partitions; never concurrent."""
        keys = ", ".join(self.key(position) for position in range(len(self.columns)))
        how = "CREATE UNIQUE INDEX" if self.unique else "CREATE INDEX"
        how += " CONCURRENTLY" if concurrently and not only else ""
        on = f"{'ONLY ' if only else ''}{quote(self.schema)}.{quote(self.table)}"
        text = f"{how} {quote(name)} ON {on} USING {self.method} ({keys})"
        if self.include:
            text += f" INCLUDE ({', '.join(map(quote, self.include))})"
        text += " NULLS NOT DISTINCT" if self.nulls_not_distinct else ""
        if self.options:
            given = ((option, value.replace("'", "''")) for option, value in self.options)
            text += " WITH (" + ", ".join(f"{quote(option)} = '{value}'" for option, value in given) + ")"
        text += f" TABLESPACE {quote(self.tablespace)}" if self.tablespace else ""
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
    opclasses: tuple[str, ...] = ()
    """Per key column; empty where every key has its type's own."""
    nulls_first: tuple[bool, ...] = ()
    """Per key column; empty unknown."""
    scans: int | None = None
    """idx_scan since the statistics were reset; None unknown."""
    replica_identity: bool = False
    clustered: bool = False
    extension: str = ""
    """The extension that owns it."""
    part_of: str = ""
    """The partitioned index that it is attached to."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key that a table declares."""

    columns: tuple[str, ...]
    schema: str
    """Of the referenced table."""
    table: str
    """The referenced table."""


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
    foreign_keys: tuple[ForeignKey, ...] = ()
    """Those that this table declares."""
    inserts: int = 0
    """n_tup_ins since the statistics were reset; likewise the next four."""
    updates: int = 0
    hot_updates: int = 0
    deletes: int = 0
    modified: int = 0
    """n_mod_since_analyze."""
    partitioned: bool = False
    partition_of: str = ""
    """Name of the partitioned parent (or inheritance parent) that this table is a part of; empty for none."""
    all_visible: float = 1.0
    """0-1: share of its pages that VACUUM left marked as visible to all: index-only scans need not read these."""


@dataclass(frozen=True, slots=True)
class CatalogFacts:
    """Tables by (schema, name)."""

    tables: dict[tuple[str, str], TableFacts]
    search_path: tuple[str, ...] = ("public",)
    extensions: tuple[tuple[str, str], ...] = ()
    """(name, schema) of those installed."""
