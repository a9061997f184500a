"""Statements over a window of history."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.models.statements import StatementKey


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
class Interval:
    """What one statement did in one stored interval; all users of the statement together."""

    at: float
    """Its end, seconds since 1970."""
    seconds: float
    calls: int
    exec_time: float
    """ms"""
    squares: float | None = None
    """Sum of squared deviations (ms²) of the calls from their own mean; None when not known."""
    rows: int = 0
    hit: int = 0
    read: int = 0
    """Shared blocks found in the server's cache, and not found there."""
    temp: int = 0
    lower_bound: bool = False
    """Rows were evicted in it: its figures may be of other calls than they seem."""

    @property
    def begin(self) -> float:
        return self.at - self.seconds


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """The plan that a statement had at one moment, by the target's own planner; its `$n` planned generically."""

    queryid: int
    taken_at: float
    """Seconds since 1970."""
    document: str
    """JSON of EXPLAIN (FORMAT JSON): the object with "Node Type"; empty when it could not be planned."""
    error: str = ""
    """Why it could not be planned, one sentence."""


@dataclass(frozen=True, slots=True)
class Baseline:
    name: str
    target: str
    created_at: float
    since: float
    until: float
    statements: tuple[WindowStats, ...]
    plans: tuple[KeptPlan, ...] = ()
    """Of the heaviest statements, as they were planned when the baseline was made."""
    change_id: str = ""
    """Of the change that it was made before, by itself; empty for one that a person made."""
    no_plans: str = ""
    """Why there are none, one sentence."""
