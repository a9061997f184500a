"""Rows of a reading with what each did since an earlier one, and the words for what is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.models import Reading
from optischema_tui.core.workload.epoch import interval_seconds
from optischema_tui.core.workload.rates import KEYS, rates, totals
from optischema_tui.widgets import figures
from optischema_tui.widgets.lines import Line, Piece
from optischema_tui.widgets.live_table import Cell, Column, lay_cells, shape_for

Pair = tuple[Reading, Reading | None]
"""A reading, and an earlier one of the same epoch; None: there is none, so that only totals are known."""

BROUGHT_BY = {
    "last_seq_scan": 16, "last_idx_scan": 16, "n_tup_newpage_upd": 16, "total_vacuum_time": 18,
    "total_autovacuum_time": 18, "total_analyze_time": 18, "total_autoanalyze_time": 18, "n_ins_since_vacuum": 13,
    "session_time": 14, "active_time": 14, "idle_in_transaction_time": 14, "sessions": 14,
    "parallel_workers_to_launch": 18, "parallel_workers_launched": 18, "num_done": 18, "slru_written": 18,
    "restartpoints_timed": 17, "restartpoints_req": 17, "restartpoints_done": 17, "read_bytes": 16,
    "wal_records": 14, "wal_fpi": 14, "wal_bytes": 14, "wal_buffers_full": 14, "wal_write": 14, "wal_write_time": 14,
    "wal_sync": 14, "wal_sync_time": 14, "inactive_since": 17, "invalidation_reason": 17, "conflicting": 16,
    "two_phase": 14, "failover": 17, "synced": 17, "spill_bytes": 14, "waiting": 14,
}  # fmt: skip
"""The major version that brought a column, where one of ours did."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a reading."""

    key: tuple[Any, ...]
    values: Mapping[str, Any]
    """As read: counters are totals."""
    counted: Mapping[str, Any]
    """The same with counters per second where `each_second`, and the ratios of that time (`rates.derived`)."""
    each_second: bool

    def get(self, name: str) -> Any:
        """The value as read; None where it is unknown."""
        return self.values.get(name)

    def figure(self, name: str) -> float | None:
        """A counter or a ratio of counters."""
        found = self.counted.get(name)
        return float(found) if isinstance(found, int | float) else None

    def total(self, *names: str) -> float | None:
        """The sum of counters as `figure` gives them; None when none is known."""
        known = [value for value in map(self.figure, names) if value is not None]
        return sum(known) if known else None


def rows_of(pair: Pair) -> list[Row]:
    """The rows of the newer reading, in its order."""
    reading, before = comparable(pair)
    keys = KEYS.get(reading.family, ())
    counted = totals(reading) if before is None else rates(before, reading)
    return [
        Row(tuple(values.get(name) for name in keys), values, figures_, before is not None)
        for values, figures_ in zip(reading.dicts(), counted, strict=True)
    ]


def comparable(pair: Pair) -> Pair:
    """`pair` without an earlier reading that its figures cannot be compared with."""
    reading, before = pair
    return reading, before if before is not None and before.epoch == reading.epoch and not before.problem else None


def basis(pair: Pair) -> str:
    """What the counters are: `per second over 5.0 min`, or totals."""
    reading, before = comparable(pair)
    if before is None:
        return "totals since the counters began"
    return f"per second over {figures.seconds(interval_seconds(before, reading))}"


def lacking_words(names: Sequence[str]) -> str:
    """`last_idx_scan needs PostgreSQL 16`; for a column nobody knows the version of: `not in this version`."""
    needs: dict[int, list[str]] = {}
    for name in names:
        needs.setdefault(BROUGHT_BY.get(name, 0), []).append(name)
    return "; ".join(
        f"{', '.join(found)} {_verb(found)} PostgreSQL {version}"
        if version
        else f"{', '.join(found)} not in this version"
        for version, found in sorted(needs.items(), reverse=True)
    )


def _verb(names: Sequence[str]) -> str:
    return "needs" if len(names) == 1 else "need"


def ago(reading: Reading, at: float | None) -> str:
    """How long before the reading a moment was, by the server's clock: `3 h`."""
    return "never" if at is None else figures.age(max(0.0, reading.server_clock - at))


def number(row: Row, name: str) -> Cell:
    return figures.rate(row.figure(name))


def grid(columns: Sequence[Column[Row]], rows: Sequence[Row], width: int, most: int = 0) -> list[Line]:
    """A header and the rows, as lines of `width` cells; `most` bounds them, and what is left out is said."""
    shape = shape_for(columns, width)
    head: list[Piece] = []
    for column, size in zip(shape.columns, shape.widths, strict=True):
        label = column.label[:size]
        head += ((label.rjust(size) if column.right else label.ljust(size), "dim"), (" " * shape.gap, ""))
    lines: list[Line] = [tuple(head)]
    shown = rows[:most] if most else rows
    lines += [lay_cells(shape, row)[1:] for row in shown]
    if len(shown) < len(rows):
        lines.append(((f"and {len(rows) - len(shown):,} more", "dim"),))
    return lines
