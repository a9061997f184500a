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
class Baseline:
    name: str
    target: str
    created_at: float
    since: float
    until: float
    statements: tuple[WindowStats, ...]
