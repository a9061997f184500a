"""One statement of a workload, as the advisor and the lab take it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from optischema_tui.core.models import QueryRow, digest
from optischema_tui.core.workload.row_limit import with_limit


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with the literals of calls that were made: to be planned, never to be shown or kept."""

    sql: str = field(repr=False)
    weight: float = 1.0
    """0-1: the share of the statement's calls; all samples of a statement sum to 1."""


@dataclass(frozen=True, slots=True)
class WorkloadStatement:
    """A text with its measured weight."""

    sql: str
    """With literals, or with `$n` as pg_stat_statements keeps it; `from_rows` makes `LIMIT $n` a number."""
    calls: int = 1
    mean_ms: float = 1.0
    queryid: int = 0
    """The server's, or `text_id(sql)` for a statement that no server has named."""
    problem: str = ""
    """Why it cannot be planned whatever its text: cut, not readable. Empty for a usual one."""
    rows_per_call: float | None = None
    """Rows that a call returned or changed on average; None not measured."""
    role: str = field(default="", compare=False)
    """Who spends most time in it; empty unknown."""
    samples: tuple[Sample, ...] = field(default=(), compare=False, repr=False)
    """Texts with real literals, the heaviest first; empty when there are none beside `sql`."""

    @property
    def texts(self) -> tuple[Sample, ...]:
        """What is planned for it, at least one."""
        return self.samples or (Sample(self.sql),)

    @property
    def total_ms(self) -> float:
        return self.calls * self.mean_ms


def text_id(sql: str) -> int:
    """A positive 63-bit number in place of a queryid, made from the exact text."""
    return int(digest(sql)[:16], 16) >> 1


def from_rows(rows: Iterable[QueryRow]) -> tuple[WorkloadStatement, ...]:
    """The workload that a picture's rows make by their lifetime counters, heaviest first.

    Rows of one queryid (several roles, top level or not) are one statement; rows without a call are none. A statement
    whose text is cut or not known stays in, with its `problem`. The caller passes the rows of one database.
    """
    merged: dict[int, list[QueryRow]] = {}
    for row in rows:
        if row.calls:
            merged.setdefault(row.key.queryid, []).append(row)
    return by_weight(_merge(queryid, parts) for queryid, parts in merged.items())


def by_weight(statements: Iterable[WorkloadStatement]) -> tuple[WorkloadStatement, ...]:
    """Heaviest first; ties by calls, then text, so that the order is always the same."""
    return tuple(sorted(statements, key=lambda each: (-each.total_ms, -each.calls, each.sql, each.queryid)))


def main_role(statements: Iterable[WorkloadStatement]) -> str:
    """The role whose statements take most time in all; empty when none is known."""
    times: dict[str, float] = {}
    for statement in statements:
        if statement.role:
            times[statement.role] = times.get(statement.role, 0.0) + statement.total_ms
    return max(sorted(times), key=lambda role: times[role], default="")


def _merge(queryid: int, parts: list[QueryRow]) -> WorkloadStatement:
    calls = sum(row.calls for row in parts)
    best = min(parts, key=lambda row: (not row.text, row.truncated))
    problem = ""
    if not best.text:
        problem = "Its text is not known"
    elif best.truncated:
        problem = "Its text is longer than the part that is kept"
    mean = sum(row.total_exec_time for row in parts) / calls
    rows = sum(row.rows_per_call * row.calls for row in parts) / calls
    role = max(parts, key=lambda row: (row.total_exec_time, row.role)).role
    return WorkloadStatement(with_limit(best.text, rows), calls, mean, queryid, problem, rows, role)
