"""The types that every room shares. Standard library only; frozen; units in the docstrings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class TargetIdentity:
    """Which database of which cluster this is, as the server itself says it."""

    system_identifier: str
    database_oid: int
    database: str
    server_version_num: int
    label: str = ""
    """What the person calls it: the profile's name, or host/database."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits that stay the same for this database of this cluster, whatever it is called."""
        return digest(f"{self.system_identifier}/{self.database_oid}/{self.database}")[:16]


def digest(text: str) -> str:
    """SHA-256 of `text` in UTF-8, as hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- what a tick sees ---


@dataclass(frozen=True, slots=True, order=True)
class StatementKey:
    """The identity of a row in pg_stat_statements."""

    userid: int
    dbid: int
    queryid: int
    toplevel: bool = True


@dataclass(frozen=True, slots=True)
class StatementSample:
    """Cumulative counters of one pg_stat_statements row. Times in milliseconds, blocks in pages, WAL in bytes.

    A counter that the server's version does not have is 0.
    """

    key: StatementKey
    calls: int = 0
    rows: int = 0
    total_exec_time: float = 0.0
    mean_exec_time: float = 0.0
    min_exec_time: float = 0.0
    max_exec_time: float = 0.0
    stddev_exec_time: float = 0.0
    plans: int = 0
    total_plan_time: float = 0.0
    shared_blks_hit: int = 0
    shared_blks_read: int = 0
    shared_blks_dirtied: int = 0
    shared_blks_written: int = 0
    local_blks_hit: int = 0
    local_blks_read: int = 0
    local_blks_dirtied: int = 0
    local_blks_written: int = 0
    temp_blks_read: int = 0
    temp_blks_written: int = 0
    blk_read_time: float = 0.0
    blk_write_time: float = 0.0
    wal_records: int = 0
    wal_fpi: int = 0
    wal_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StatementText:
    """The text of one statement as the server keeps it (unsafe: pass `safe_text` before showing)."""

    key: StatementKey
    text: str
    truncated: bool = False
    """True when only the head was fetched because the text is longer than the cap."""
    role: str = ""
    database: str = ""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Counters are comparable only inside one epoch. Equality is the test."""

    system_identifier: str
    postmaster_start: float
    """Seconds since 1970, by the server's clock."""
    stats_reset: float | None
    """pg_stat_statements_info.stats_reset (14+), seconds since 1970; None when unknown."""
    server_version_num: int
    extension_version: str


@dataclass(frozen=True, slots=True)
class DatabaseCounters:
    """pg_stat_database of the connected database, cumulative. Times in ms."""

    xact_commit: int = 0
    xact_rollback: int = 0
    blks_read: int = 0
    blks_hit: int = 0
    temp_files: int = 0
    temp_bytes: int = 0
    deadlocks: int = 0


@dataclass(frozen=True, slots=True)
class Activity:
    """Client backends by state at the moment of the tick."""

    active: int = 0
    idle: int = 0
    idle_in_transaction: int = 0
    waiting: int = 0
    """Active and waiting for a lock."""
    total: int = 0
    max_connections: int = 0


@dataclass(frozen=True, slots=True)
class ObserverCost:
    """What this tick cost: statements sent, and seconds between sending and having the answer."""

    queries: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one tick saw. Never mutated."""

    target: TargetIdentity
    epoch: Epoch
    taken_at: float
    """Local wall clock, seconds since 1970: display and storage."""
    monotonic: float
    """Local monotonic seconds: intervals inside one run of the program."""
    server_clock: float
    """clock_timestamp() of the server, seconds since 1970: intervals across runs."""
    statements: tuple[StatementSample, ...]
    database: DatabaseCounters
    activity: Activity
    cost: ObserverCost = ObserverCost()
    dealloc: int = 0
    """pg_stat_statements_info.dealloc: evictions so far."""
    unreadable: int = 0
    """Rows whose queryid and text the role may not see (<insufficient privilege>)."""
    notices: tuple[str, ...] = ()
    """Parts that could not be read in this tick, each a sentence."""


@dataclass(frozen=True, slots=True)
class StatementDelta:
    """What one statement did between two snapshots of one epoch."""

    key: StatementKey
    seconds: float
    calls: int
    rows: int
    exec_time: float
    """Milliseconds."""
    plan_time: float
    shared_blks_hit: int
    shared_blks_read: int
    temp_blks: int
    """Read and written."""
    blk_io_time: float
    wal_bytes: int
    lower_bound: bool = False
    """True when rows were evicted in between, so that the truth may be more."""

    @property
    def mean_exec_time(self) -> float:
        """Milliseconds per call in this interval; 0 without a call."""
        return self.exec_time / self.calls if self.calls else 0.0


# --- the picture: what the first screens draw, and what the next start shows first ---


@dataclass(frozen=True, slots=True)
class Kpis:
    """The banner. None means: not known yet (no second snapshot), never zero."""

    active: int | None = None
    connections: int | None = None
    max_connections: int | None = None
    hit_ratio: float | None = None
    """0-1, shared blocks of the interval."""
    tps: float | None = None
    db_time: float | None = None
    """Seconds of execution time per second of wall clock (average active sessions in execution)."""
    mean_latency: float | None = None
    """Milliseconds per call over the interval."""


@dataclass(frozen=True, slots=True)
class QueryRow:
    """One statement as the tables show it. Interval figures are None until two snapshots of one epoch exist."""

    key: StatementKey
    text: str
    """As the server keeps it; unsafe, see `safe_text`. Empty until fetched."""
    role: str
    database: str
    calls: int
    total_exec_time: float
    mean_exec_time: float
    """Lifetime, ms."""
    min_exec_time: float
    max_exec_time: float
    stddev_exec_time: float
    rows_per_call: float
    hit_ratio: float | None
    temp_blks_per_call: float
    wal_bytes_per_call: float
    share: float
    """0-1 of total execution time: of the interval when known, else of the lifetime."""
    score: int
    """Performance score 0-100, see workload/score.py."""
    interval_calls: int | None = None
    interval_time: float | None = None
    """ms"""
    interval_mean: float | None = None
    """ms"""
    lower_bound: bool = False
    sample: StatementSample | None = None
    """All cumulative counters, for the detail screen."""
    truncated: bool = False
    """The text is only the head of a longer one."""


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """One interval of the charts."""

    at: float
    """End of the interval, local wall clock, seconds since 1970."""
    db_time: float
    """Execution seconds per second."""
    mean_latency: float
    """ms per call"""
    tps: float
    calls: int
    breaks: bool = False
    """True when an epoch ended before this point: the line must not be joined to the point before it."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """How many statements a filter keeps out of sight, and their share of total time (0-1)."""

    reason: str
    statements: int
    share: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything the dashboard and the top-queries screen draw."""

    target: TargetIdentity
    taken_at: float
    seconds: float | None
    """Length of the interval; None for the first snapshot of an epoch."""
    kpis: Kpis
    rows: tuple[QueryRow, ...]
    """Heaviest first."""
    series: tuple[LoadPoint, ...]
    hidden: tuple[Hidden, ...] = ()
    unreadable: int = 0
    cost_share: float | None = None
    """Our own execution time on the server per second of wall clock (0.01 = 1 % of one core)."""
    notices: tuple[str, ...] = ()
    stored: bool = False
    """True when it came from history and the server has not answered yet."""


# --- facts of the schema, for the advisor ---


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


# --- advice ---


class Risk(StrEnum):
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact worth knowing. `id` is stable, so that a dismissed one stays so."""

    id: str
    kind: str
    title: str
    evidence: tuple[str, ...]
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Affected:
    """One statement that a recommendation touches, with the lab's costs (planner units)."""

    queryid: int
    text: str
    share: float
    """0-1 of the workload's measured time."""
    calls: int
    mean_exec_time: float
    cost_before: float
    cost_after: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the lab proved. Costs are the planner's units, weighted over the workload where not said otherwise."""

    affected: tuple[Affected, ...]
    cost_before: float
    cost_after: float
    share: float
    """0-1: share of the workload's measured time that the affected statements take."""
    size_bytes: int
    """Estimated size of the new index."""
    planner: str
    """Whose planner: e.g. 'lab, PostgreSQL 18'."""
    confidence: str
    """In words, with its reason."""
    notes: tuple[str, ...] = ()
    """Column order and other reasons, one sentence each."""

    @property
    def gain(self) -> float:
        """Predicted cost of the affected statements, before / after; 1.0 = none."""
        return self.cost_before / self.cost_after if self.cost_after > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    id: str
    """12 hex digits: hash of target fingerprint + kind + canonical action."""
    target: str
    """Fingerprint of the target."""
    kind: str
    """create_index"""
    title: str
    forward_sql: str
    inverse_sql: str
    risk: Risk
    risk_reasons: tuple[str, ...]
    evidence: Evidence
    spec: IndexSpec | None = None
    index_name: str = ""
    why_not: tuple[str, ...] = ()
    """Rejected alternatives, each with its reason."""


def recommendation_id(target: str, kind: str, action: str) -> str:
    """The stable id of an action on a target; `action` must be canonical (no generated names in it)."""
    return digest(f"{target}\n{kind}\n{action}")[:12]


# --- changes ---


class ChangeState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    PREFLIGHT = "preflight"
    INTENT = "intent"
    EXECUTING = "executing"
    APPLIED = "applied"
    FAILED_CLEAN = "failed_clean"
    LEFTOVER = "leftover"
    UNKNOWN = "unknown"
    VERIFYING = "verifying"
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    NEEDS_ATTENTION = "needs_attention"


@dataclass(frozen=True, slots=True)
class Change:
    """One approved action and where it stands. The audit journal is its only store."""

    id: str
    """UUIDv7."""
    recommendation_id: str
    """Empty for a rollback."""
    target: TargetIdentity
    dsn: str
    """Conninfo without a secret: how to reach the target again."""
    kind: str
    """create_index or drop_index"""
    title: str
    forward_sql: str
    inverse_sql: str
    sql_hash: str
    """digest(forward_sql) at approval; what runs must match it."""
    state: ChangeState
    schema: str
    table: str
    index_name: str
    approved_by: str = ""
    approved_at: float = 0.0
    updated_at: float = 0.0
    rolls_back: str = ""
    """Id of the change that this one undoes."""
    detail: dict[str, Any] = field(default_factory=dict)
    """JSON values only: backend_pid, backend_start, expected_definition, statements (queryids and texts), verdict,
    before and after figures, error."""


class Level(StrEnum):
    PASS = "pass"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a preflight."""

    name: str
    level: Level
    reason: str
    query: str = ""
    """The SQL that found it, empty for a local check."""


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """pg_stat_progress_create_index, once a second. `done` and `total` in the unit of the phase; total 0 = unknown."""

    phase: str
    done: int = 0
    total: int = 0
    blocker_pid: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AuditEntry:
    seq: int
    at: float
    event: str
    """e.g. change.approved, change.intent, change.applied, recommendation.dismissed, audit.exported"""
    change_id: str
    body: dict[str, Any]
    """who, what, result, evidence: canonical JSON values, no secrets."""
    prev: str
    hash: str


# --- baselines ---


@dataclass(frozen=True, slots=True)
class WindowStats:
    """One statement over a window of history: sums of its deltas."""

    key: StatementKey
    text: str
    calls: int
    exec_time: float
    """ms"""
    rows: int
    shared_blks: int
    temp_blks: int
    stddev_exec_time: float = 0.0

    @property
    def mean_exec_time(self) -> float:
        return self.exec_time / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Baseline:
    name: str
    target: str
    created_at: float
    since: float
    until: float
    statements: tuple[WindowStats, ...]


# --- names ---


def quote(identifier: str) -> str:
    """`identifier` as PostgreSQL must read it: always in double quotes, so that no keyword list is needed."""
    return '"' + identifier.replace('"', '""') + '"'
