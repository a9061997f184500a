"""What the rules about indexes are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optischema_tui.core.models import TableFacts

DAY = 86_400.0
IndexKey = tuple[str, str]
"""(schema, name); an index has its table's schema."""
TableKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when something is worth a word."""

    watch_days: float = 35.0
    """So many days always hold a month's end."""
    coverage: float = 0.95
    """0-1: share of those days in which no scan can have gone uncounted."""
    bloat_factor: float = 2.0
    """Times the size of a fresh build. One filled in random order is 1.3 to 1.5 times as large for ever."""
    bloat_bytes: int = 16 << 20
    """Wasted at least."""
    brin_table_bytes: int = 1 << 30
    brin_index_bytes: int = 64 << 20
    brin_correlation: float = 0.95
    wide_factor: float = 4.0
    """A survivor that is so many times larger than what it would stand in for makes its scans dearer."""
    child_rows: float = 1000.0
    """Rows of a referencing table from which looking through all of them for each deleted parent matters."""
    unvacuumed_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class IndexDetail:
    """What the catalog says of one index. Per key: `keys`, `opclasses`, `options`; `collations` too."""

    oid: int
    schema: str
    name: str
    table_name: str
    method: str
    partitioned: bool
    """It is the index of a partitioned table."""
    attached: bool
    """It is a partition of such an index."""
    keys: tuple[str, ...]
    """Quoted names and expressions, as pg_get_indexdef writes them."""
    include: tuple[str, ...]
    opclasses: tuple[int, ...]
    """OIDs."""
    collations: tuple[int, ...]
    """OIDs."""
    options: tuple[int, ...]
    """Bit 0: descending, bit 1: NULLS FIRST."""
    predicate: str
    expressions: bool
    is_unique: bool
    is_primary: bool
    immediate: bool
    nulls_not_distinct: bool
    usable: bool
    """Valid, ready, live, and for every transaction."""
    valid: bool
    live: bool
    replica_identity: bool
    is_clustered: bool
    constraint_name: str
    """Of the constraint that it carries; empty for none."""
    exclusion: bool
    referenced_by: str
    """A foreign key elsewhere that points to what it makes unique; empty for none."""
    extension: str
    """That owns it or its table."""
    statistics_target: bool
    """Somebody has set a statistics target on one of its expressions."""
    storage: tuple[str, ...]
    reltuples: float
    scans: int
    """idx_scan now."""
    vacuumed: bool
    """The server knows of a vacuum of its table since the last crash or reset."""
    worked_at: bool
    """Somebody holds the lock of a concurrent build, a VACUUM or an ANALYZE on its table now."""

    @property
    def key(self) -> IndexKey:
        return self.schema, self.name

    @property
    def table(self) -> TableKey:
        return self.schema, self.table_name


@dataclass(frozen=True, slots=True)
class ServerUse:
    """How one server has used one index, by the differences of its counters."""

    scans: int
    last_used: float | None
    """By the end of the interval that counted a scan, or as the server says (16+); None: never while watched."""
    first_seen: float
    tuples_read: int = 0
    """idx_tup_read and idx_tup_fetch in the watched time."""
    tuples_fetched: int = 0
    blocks: int = 0
    """Read and hit."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One server whose counters were stored."""

    since: float
    until: float
    coverage: float
    """0-1 of the last `watch_days` up to now."""
    started: float
    """When its latest run began."""
    breaks: int
    """Restarts, crashes and resets in the watched time."""
    uses: Mapping[int, ServerUse] = field(repr=False)
    """By the index's OID."""
    counted: Mapping[int, int] = field(repr=False)
    """idx_scan at `until`."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    us_per_row: float
    ms_per_hour: float | None
    """None: how often its table is written is not known."""


@dataclass(frozen=True, slots=True)
class Hourly:
    """Rows of one table written in an hour, as its counters moved in the watched time."""

    inserts: float
    updates: float
    deletes: float


@dataclass(frozen=True, slots=True)
class Fresh:
    """What an index would be if it were built anew."""

    bytes: int
    how: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class StatementSeen:
    queryid: int
    text: str
    calls: int
    exec_time: float
    """ms"""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about the indexes of one database at one moment."""

    target: str
    now: float
    """Local wall clock, seconds since 1970."""
    tables: Mapping[TableKey, TableFacts]
    details: Mapping[IndexKey, IndexDetail]
    started: float = 0.0
    """When the connected server was started."""
    in_recovery: bool = False
    standbys: tuple[str, ...] = ()
    servers: tuple[Watched, ...] = ()
    """Whose counters are stored; the connected one is that with its start."""
    upkeep: Mapping[IndexKey, Upkeep] = field(default_factory=dict)
    writes: Mapping[TableKey, Hourly] = field(default_factory=dict)
    fresh: Mapping[IndexKey, Fresh] = field(default_factory=dict)
    """Of those whose size can be told."""
    statements: tuple[StatementSeen, ...] = ()
    thresholds: Thresholds = Thresholds()
    by_table: Mapping[TableKey, tuple[IndexDetail, ...]] = field(init=False, repr=False, compare=False)
    """The details of each table's indexes."""

    def __post_init__(self) -> None:
        found: dict[TableKey, tuple[IndexDetail, ...]] = {}
        for each in self.details.values():
            found[each.table] = (*found.get(each.table, ()), each)
        object.__setattr__(self, "by_table", found)

    @property
    def own(self) -> Watched | None:
        """The connected server's watched counters."""
        return next((one for one in self.servers if abs(one.started - self.started) < 1.0), None)

    def size(self, key: IndexKey) -> int:
        """Bytes of an index; 0 unknown."""
        table = self.tables.get(self.details[key].table)
        return next((each.size_bytes for each in table.indexes if each.name == key[1]), 0) if table else 0
