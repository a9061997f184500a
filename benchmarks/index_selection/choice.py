"""What an advisor's run comes back with."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.index_selection.hypo import Hypo


@dataclass(frozen=True, slots=True)
class Choice:
    """Indexes as CREATE INDEX statements in the order of choice, and what finding them cost."""

    definitions: tuple[str, ...]
    planner_calls: int
    cpu_seconds: float
    """Of the advisor and of the server's backends that worked for it."""
    wall_seconds: float
    note: str = ""
    predicted: dict[str, float] = field(default_factory=dict)
    """By statement, as the advisor itself sees the whole set: cost after / before. Empty when it was not asked."""


@dataclass(slots=True)
class Spent:
    """Filled in when `spending` ends."""

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0


@contextmanager
def spending(*sessions: Hypo) -> Iterator[Spent]:
    """Measures this process, children that ended, and the backends of `sessions`, which must still be open."""
    spent = Spent()
    cpu, start = _cpu(sessions), time.perf_counter()
    yield spent
    spent.cpu_seconds = _cpu(sessions) - cpu
    spent.wall_seconds = time.perf_counter() - start


def _cpu(sessions: tuple[Hypo, ...]) -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + children.ru_utime + children.ru_stime
    return own + sum(each.cpu_seconds() for each in sessions)
