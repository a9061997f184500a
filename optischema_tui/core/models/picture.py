"""What the first screens draw, and what the next start shows first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optischema_tui.core.models.identity import TargetIdentity
    from optischema_tui.core.models.statements import StatementDelta, StatementKey, StatementSample, StatementText


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
    """One statement as the tables show it. Interval figures are None until two snapshots of one epoch exist.

    In a past picture what is called lifetime here is of its interval too.
    """

    key: StatementKey
    text: str
    """As the server keeps it; unsafe, see `safe_text`. Empty until fetched."""
    role: str
    database: str
    calls: int
    total_exec_time: float
    mean_exec_time: float
    """Lifetime, ms."""
    min_exec_time: float | None
    """None in a past picture: a delta has neither extremes nor a deviation."""
    max_exec_time: float | None
    stddev_exec_time: float | None
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
    interval_seconds: float | None = None
    """Length of its own interval where that is not the picture's: it was read less often than each tick. None: the
    picture's."""
    stale: bool = False
    """Not read in this tick: its figures are those of its last reading."""
    interval_rows_per_call: float | None = None
    interval_hit_ratio: float | None = None
    """0-1, shared blocks of the interval; None when it touched none."""
    interval_temp_per_call: float | None = None
    """Temporary blocks read and written per call."""
    variation: float | None = None
    """Coefficient of variation over the lifetime: deviation divided by mean. 0: every call takes the same time; above
    1: some take far longer than others. None with fewer than two calls."""
    plans: int = 0
    """Times it was planned since the last reset; 0 also where the server does not count (track_planning is off)."""
    jit_share: float | None = None
    """Share of the lifetime's execution time that JIT compilation took; None where nothing was compiled."""
    io_share: float | None = None
    """Share of the lifetime's execution time spent reading and writing blocks; more than 1 where parallel workers
    waited at once. None where nothing was timed: track_io_timing is off, or everything was in the cache."""


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
    statements: int = 0
    """All rows of pg_stat_statements, seen, hidden, not readable, and not read in this tick."""
    sampled: str = ""
    """What of them was read in this tick, a sentence; empty when all were."""
    rest_share: float = 0.0
    """Share of total time (0-1) that neither a row nor a filter accounts for: statements that this role may not read,
    and in a sampled picture also those not read in this tick."""
    past: bool = False
    """True when it shows an interval of history: see workload/past.py for what its figures then are."""


@dataclass(frozen=True, slots=True)
class StoredTick:
    """One interval as history keeps it: a tick of a collector, or a longer one that ticks were rolled up to."""

    at: float
    """End of the interval, local wall clock, seconds since 1970."""
    seconds: float
    """Time that the deltas stand for; less than `tier_seconds` where ticks are missing."""
    point: LoadPoint | None
    """None when the interval is not charted: an epoch ended in it."""
    rows: tuple[tuple[StatementText, StatementDelta], ...]
    """Statements that were called, any order. A text that is not known is empty."""
    tier_seconds: float
    """Width of a bucket of the tier it came from; 0 for a raw tick."""
