"""The columns that statements are shown in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs, bar
from optischema_tui.widgets.live_table import Cell, Column

if TYPE_CHECKING:
    from optischema_tui.core.models import QueryRow

UNFETCHED = "(text not read yet)"


def query_columns(glyphs: Glyphs, *, brief: bool = False) -> list[Column[QueryRow]]:
    """All columns of the top-queries table, or the few of the dashboard. Which fit is decided by the table's width."""
    columns: list[Column[QueryRow]] = [
        Column("bar", "LOAD", 6, lambda row, width: (bar(row.share, width, glyphs), "bar")),
        Column("share", "SHARE", 6, lambda row, width: figures.percent(row.share), lambda row: row.share, True),
        Column("score", "SCORE", 6, _score, lambda row: row.score, True, 0, False),
        Column("calls", "CALLS", 7, _calls, lambda row: _first(row.interval_calls, row.calls), True),
        Column("mean", "MEAN", 9, _mean, lambda row: _first(row.interval_mean, row.mean_exec_time), True),
    ]
    if not brief:
        columns += _figures()
    columns.append(Column("text", "QUERY", 0, _text, lambda row: row.text[:200].lower(), largest_first=False))
    return columns


def _figures() -> list[Column[QueryRow]]:
    def plain(column: str, label: str, width: int, get: Any, show: Any, from_width: int) -> Column[QueryRow]:
        return Column(
            column, label, width, lambda row, _: show(get(row)), lambda row: _known(get(row)), True, from_width
        )

    return [
        plain("life", "MEAN ALL", 9, lambda row: row.mean_exec_time, figures.milliseconds, 110),
        plain("max", "MAX", 9, lambda row: row.max_exec_time, figures.milliseconds, 160),
        plain("stddev", "STDDEV", 9, lambda row: row.stddev_exec_time, figures.milliseconds, 180),
        plain("total", "TOTAL", 9, lambda row: row.total_exec_time, figures.milliseconds, 90),
        plain("rows", "ROWS/C", 7, lambda row: row.rows_per_call, figures.count, 110),
        plain("hit", "HIT", 6, lambda row: row.hit_ratio, figures.percent, 120),
        plain("temp", "TEMP/C", 7, lambda row: row.temp_blks_per_call, figures.count, 160),
        plain("wal", "WAL/C", 7, lambda row: row.wal_bytes_per_call, figures.octets, 160),
        Column("role", "ROLE", 10, lambda row, width: (row.role, "dim"), lambda row: row.role, False, 150, False),
        Column("db", "DATABASE", 10, lambda row, width: (row.database, "dim"), lambda row: row.database, False, 170,
               False),
    ]  # fmt: skip


def _first(value: float | None, other: float) -> float:
    return other if value is None else value


def _known(value: float | None) -> float:
    return -1.0 if value is None else value


def _score(row: QueryRow, width: int) -> Cell:
    role = "good" if row.score >= 75 else "warn" if row.score >= 40 else "bad"
    return f"{row.score}", role


def _calls(row: QueryRow, width: int) -> Cell:
    text = figures.count(_first(row.interval_calls, row.calls))
    return f">{text}" if row.lower_bound else text, "dim" if row.stale else ""


def _mean(row: QueryRow, width: int) -> Cell:
    return figures.milliseconds(_first(row.interval_mean, row.mean_exec_time))


def _text(row: QueryRow, width: int) -> Cell:
    return row.text if row.text else (UNFETCHED, "dim")


def matches(row: QueryRow, needle: str) -> bool:
    """Every word of `needle` stands in the query, its role or its database, in any case of letters."""
    hay = f"{row.text[:100_000]} {row.role} {row.database} {row.key.queryid}".lower()
    return all(word in hay for word in needle.lower().split())
