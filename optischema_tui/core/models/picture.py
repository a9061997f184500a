"""What the first screens draw, and what the next start shows first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optischema_tui.core.models.identity import TargetIdentity
    from optischema_tui.core.models.statements import StatementKey, StatementSample


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
