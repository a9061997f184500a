"""What the lab knows of a target: schema, sizes and statistics. No rows, but sample values: keep it private."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optischema_tui.core.models import CatalogFacts

BLOCK_SIZE = 8192


@dataclass(frozen=True, slots=True)
class Server:
    """The server and database that the image was taken of."""

    version_num: int
    version: str
    database: str
    encoding: str
    collate: str
    ctype: str
    provider: str
    """pg_database.datlocprovider: c (libc), i (ICU), b (builtin)."""
    search_path: tuple[str, ...]
    """Resolved schemas: of the role whose statements are planned, then of the reading session."""
    settings: tuple[tuple[str, str], ...]
    """Planner settings of that role's sessions."""
    role: str
    """Whose rights the catalog was read with."""
    statistics_source: str
    """pg_statistic (complete) or pg_stats (what the role may see)."""


@dataclass(frozen=True, slots=True)
class Extension:
    name: str
    schema: str
    version: str


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A user type. `kind` is pg_type.typtype: b, c, d, e, m, p, r."""

    oid: int
    schema: str
    name: str
    kind: str
    element: int
    is_array: bool
    extension: str
    base_oid: int = 0
    base: str = ""
    """Domains: the base type with its modifier."""
    collation: str = ""
    not_null: bool = False
    constraints: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    label_oids: tuple[int, ...] = ()
    subtype: str = ""
    """Ranges: the type of the bounds; the next four are as CREATE TYPE takes them, empty for what is usual."""
    subtype_opclass: str = ""
    subtype_diff: str = ""
    subtype_collation: str = ""
    multirange: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    number: int
    name: str
    dropped: bool
    type: str
    """As format_type prints it, qualified and with its modifier."""
    bare_type: str
    type_oid: int
    collation: str
    not_null: bool
    virtual: str
    """Expression of a virtual generated column (18); stored ones are plain columns here."""
    default: str
    """Expression: it costs something in the plan of an INSERT."""
    identity: bool
    length: int
    """pg_attribute.attlen: bytes, -1 for varlena."""
    alignment: str
    """c, s, i or d."""
    has_btree: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """`kind` is pg_class.relkind: r, p, v, m, c, f, i, I, S."""

    oid: int
    schema: str
    name: str
    kind: str
    options: tuple[str, ...]
    pages: int
    rows: float
    """reltuples: as of the last VACUUM or ANALYZE; -1 never analyzed."""
    all_visible: int
    size_bytes: int
    """Present size of the main fork."""
    row_security: bool
    partition_key: str
    bound: str
    parents: tuple[int, ...]
    inserts: int = 0
    """n_tup_ins since the statistics were reset; likewise the next four."""
    updates: int = 0
    hot_updates: int = 0
    deletes: int = 0
    modified: int = 0
    """n_mod_since_analyze."""
    scans: int = 0
    """idx_scan of an index since the statistics were reset."""
    columns: tuple[Column, ...] = ()
    view: str = ""
    """Definition of a view or materialized view."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """`kind`: c check, p primary key, u unique, x exclusion, f foreign key."""

    oid: int
    relation: int
    name: str
    kind: str
    definition: str
    index: int
    parent: int
    columns: tuple[int, ...]
    references: int = 0
    """The table that a foreign key points to."""


@dataclass(frozen=True, slots=True)
class Index:
    oid: int
    relation: int
    method: str
    definition: str
    columns: tuple[str, ...]
    """Key columns, then included ones; an expression as its text in parentheses."""
    numbers: tuple[int, ...]
    """Column numbers in the same order; 0 for an expression."""
    keys: int
    options: tuple[int, ...]
    """Per key column; bit 0: descending, bit 1: NULLS FIRST."""
    predicate: str
    expressions: bool
    unique: bool
    primary: bool
    valid: bool
    constraint: bool
    opclasses: tuple[str, ...] = ()
    """Per key column; empty text for the type's own."""
    replica_identity: bool = False
    clustered: bool = False
    extension: str = ""
    """The extension that owns it."""
    height: int | None = None
    """Levels above the leaves of a B-tree, where the target told it; None: to be estimated from the size."""


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """One row of statistics. Arrays are PostgreSQL's array texts; None where the kind is absent."""

    relation: int
    number: int
    column: str
    inherited: bool
    null_frac: float
    width: int
    n_distinct: float
    common_values: str | None = None
    common_freqs: str | None = None
    histogram: str | None = None
    correlation: str | None = None
    common_elements: str | None = None
    common_element_freqs: str | None = None
    element_counts: str | None = None
    range_lengths: str | None = None
    range_empty_frac: str | None = None
    range_bounds: str | None = None


@dataclass(frozen=True, slots=True)
class ExtendedData:
    """What ANALYZE found for one extended statistics object."""

    inherited: bool
    ndistinct: bytes | None
    dependencies: bytes | None
    mcv: bytes | None
    expressions: tuple[ColumnStatistics, ...] = ()
    """`number` counts the object's expressions from 1."""


@dataclass(frozen=True, slots=True)
class Extended:
    """An extended statistics object."""

    oid: int
    schema: str
    name: str
    relation: int
    definition: str
    expressions: tuple[str, ...]
    data: tuple[ExtendedData, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Function:
    schema: str
    name: str
    language: str
    definition: str
    """Empty when the language is not one that the lab loads."""


@dataclass(frozen=True, slots=True)
class Image:
    """Everything read from one database of a target."""

    server: Server
    schemas: tuple[str, ...]
    extensions: tuple[Extension, ...]
    types: tuple[TypeInfo, ...]
    collations: tuple[tuple[str, str], ...]
    """(schema, name) of collations in use beside the standard ones."""
    functions: tuple[Function, ...]
    relations: dict[int, Relation] = field(repr=False)
    constraints: tuple[Constraint, ...]
    indexes: dict[int, Index] = field(repr=False)
    statistics: tuple[ColumnStatistics, ...] = field(repr=False)
    extended: tuple[Extended, ...] = field(repr=False)
    not_read: tuple[str, ...]
    """What the lab cannot know, one sentence each."""
    unknown_ends: frozenset[tuple[int, int]] = frozenset()
    """(relation, column number) of indexed columns whose table has changed since ANALYZE, and whose present smallest
    and largest values could not be read: the target's planner looks them up, plans of ranges here are guesses."""

    def facts(self) -> CatalogFacts:
        """The same as the advisor wants it."""
        from optischema_tui.core.lab.facts import catalog_facts

        return catalog_facts(self)
