"""What a tick sees: cumulative counters, and what they did between two ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from optischema_tui.core.models.identity import TargetIdentity


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
    local_blk_io_time: float = 0.0
    """Read and written, ms (17+)."""
    temp_blk_io_time: float = 0.0
    """Read and written, ms (15+)."""
    wal_buffers_full: int = 0
    jit_functions: int = 0
    jit_time: float = 0.0
    """Generation, inlining, optimization, emission (and deform, 17+), ms (15+)."""
    parallel_workers_to_launch: int = 0
    parallel_workers_launched: int = 0
    stats_since: float = 0.0
    """When this row began to count, seconds since 1970 (17+); 0 when unknown. A later one: a new epoch of it."""
    minmax_stats_since: float = 0.0
    """When minimum and maximum began, seconds since 1970 (17+); 0 when unknown."""


def changed_samples(
    before: Sequence[StatementSample], after: Sequence[StatementSample]
) -> tuple[list[StatementSample], list[StatementSample]]:
    """The samples of `before` that are not in `after`, and those of `after` that are not in `before`.

    By identity, which is quick: a collector hands out the very object of the tick before for a row that stayed as it
    was. Equal samples that are two objects count as changed, so a caller must compare what it gets.
    """
    # Most often both have the same rows in the same order: what then differs place by place is little.
    old = [one for one, other in zip(before, after, strict=False) if one is not other]
    new = [other for one, other in zip(before, after, strict=False) if one is not other]
    old += before[len(after) :]
    new += after[len(before) :]
    if not old or not new:
        return old, new
    old_ids, new_ids = set(map(id, old)), set(map(id, new))
    return [one for one in old if id(one) not in new_ids], [one for one in new if id(one) not in old_ids]


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
    timeline: int = 0
    """Of the write-ahead log; it grows by a failover, and the counters are then another node's. 0 when unknown."""
    crashed_at: float = 0.0
    """When the server last threw its cumulative statistics away (a crash, an immediate stop), as far as the reset
    times of its shared views tell; seconds since 1970, 0 when unknown. The postmaster's start stays over a crash."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all rows of pg_stat_statements, also over those that a tick did not read one by one."""

    statements: int = 0
    calls: int = 0
    total_exec_time: float = 0.0
    """ms, top-level statements only: a nested one's time is in its caller's."""
    here_calls: int | None = None
    """Calls of top-level statements of the connected database; None when not asked."""
    here_exec_time: float | None = None
    """ms, top-level statements of the connected database; None when not asked."""


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
    read_before: Mapping[StatementKey, float] = field(default_factory=dict)
    """Statements of the tail that this tick did not read: when each was read last, by the server's clock. Their samples
    in `statements` are of then. Empty when every row was read."""
    totals: Totals | None = None
    """Of the whole view, exact also when only a part of its rows was read; None when that was not asked."""


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
