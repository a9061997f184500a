"""What the rules of this room are given: the state of tables, sequences and the xmin horizon, now and over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optischema_tui.core.models import quote


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Counters are since the last reset of the server's statistics, ages in transactions, moments in
    seconds since 1970 by the server's clock."""

    relid: int
    schema: str
    name: str
    kind: str = "r"
    """r table, m materialized view, p partitioned."""
    pages: int = 0
    rows: float = -1.0
    """reltuples; -1 never vacuumed nor analyzed."""
    options: Mapping[str, str] = field(default_factory=dict)
    live: int = 0
    dead: int = 0
    modified: int = 0
    """n_mod_since_analyze"""
    inserts: int = 0
    updates: int = 0
    hot_updates: int = 0
    new_page_updates: int | None = None
    """Updates whose new version went to another page (16+); None unknown."""
    deletes: int = 0
    seq_scans: int = 0
    last_vacuum: float | None = None
    last_analyze: float | None = None
    vacuums: int = 0
    """By autovacuum or by hand."""
    analyzes: int = 0
    known_columns: int | None = None
    """Columns that have statistics, counted for the table and for its children; None where this role may not know."""
    row_width: float | None = None
    """Bytes of an average row's values with the most that alignment takes; None where not all columns have
    statistics that this role may read."""
    most_null: float = 0.0
    columns: int = 0
    has_children: bool = False
    xid_age: int | None = None
    multixact_age: int | None = None

    @property
    def sql(self) -> str:
        return f"{quote(self.schema)}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class TablePast:
    """One stored reading of a table's counters."""

    at: float
    """Seconds since 1970."""
    epoch: str
    """Counters of two are comparable only when this is equal."""
    live: int
    dead: int
    inserts: int
    vacuums: int
    updates: int
    hot_updates: int
    new_page_updates: int | None
    seq_scans: int
    xid_age: int | None
    analyzed: bool
    """The server knew of an ANALYZE of it then."""


@dataclass(frozen=True, slots=True)
class Sequence:
    schema: str
    name: str
    type_name: str
    minimum: int
    maximum: int
    start: int
    increment: int
    cycles: bool
    last: int | None
    """None: nothing was drawn yet, or this role may not read it."""
    table: str = ""
    """As SQL; empty where no column takes its numbers."""
    relid: int = 0
    column: str = ""
    column_type: str = ""
    column_maximum: int | None = None
    """None: no integer column."""

    @property
    def sql(self) -> str:
        return f"{quote(self.schema)}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who keeps dead rows from being removed."""

    what: str
    """session, standby, slot, slot for the catalog, prepared transaction"""
    name: str
    """application_name, slot, or the transaction's identifier (unsafe, see `safe_text`)."""
    role: str
    state: str
    pid: int | None
    xids: int
    """Transactions since: what died in them stays."""
    seconds: float | None
    """Age of its transaction; None unknown."""
    queryid: int = 0


@dataclass(frozen=True, slots=True)
class Database:
    name: str
    xid_age: int
    multixact_age: int
    here: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    target: str
    """Fingerprint."""
    now: float
    """Seconds since 1970, by the server's clock."""
    tables: tuple[Table, ...] = ()
    past: Mapping[int, tuple[TablePast, ...]] = field(default_factory=dict)
    """By relid, the oldest first; empty without history."""
    sequences: tuple[Sequence, ...] = ()
    holders: tuple[Holder, ...] = ()
    databases: tuple[Database, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    in_recovery: bool = False
    """A standby: nothing is vacuumed there, and its counters are not the primary's."""
    sees_all: bool = True
    """False: transactions of other roles are hidden from us."""

    def setting(self, name: str, default: float) -> float:
        try:
            return float(self.settings.get(name, default))
        except ValueError:
            return default

    def option(self, table: Table, name: str, default: float) -> float:
        """The table's own option, else the server's setting of the same name."""
        try:
            return float(table.options[name])
        except (KeyError, ValueError):
            return self.setting(name, default)

    @property
    def block_size(self) -> int:
        return int(self.setting("block_size", 8192))
