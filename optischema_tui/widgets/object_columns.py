"""The columns that tables and indexes are shown in. A counter is per second where that is known, else a total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optischema_tui.core.models import Reading
from optischema_tui.widgets import figures
from optischema_tui.widgets.live_table import Cell, Column
from optischema_tui.widgets.reading_rows import Row, ago, number

MANY_DEAD = 0.2
"""Share of dead rows above which a table stands out: the default of autovacuum_vacuum_scale_factor."""
_TUPLES = ("n_tup_ins", "n_tup_upd", "n_tup_del")


class Objects:
    """What the columns need beside the row: the reading for ages, sizes by oid, bytes of a page."""

    def __init__(self) -> None:
        self.reading: Reading | None = None
        self.sizes: Mapping[int, dict[str, Any]] = {}
        self.page = 8192

    def table_bytes(self, row: Row) -> float | None:
        """Of table, TOAST and indexes as measured, else of the pages that the last vacuum or analyze counted."""
        found = self.sizes.get(row.get("relid"), {}).get("total_bytes")
        if found is not None:
            return float(found)
        pages = [row.get("relpages"), row.get("toast_pages")]
        return float(sum(each for each in pages if each)) * self.page if any(pages) else None

    def index_bytes(self, row: Row) -> float | None:
        pages = row.get("relpages")
        return float(pages) * self.page if pages is not None else None

    def ago(self, *moments: float | None) -> str:
        """How old the newest of them is."""
        known = [each for each in moments if each is not None]
        return ago(self.reading, max(known, default=None)) if self.reading is not None else ""


def _known(value: float | None) -> float:
    return -1.0 if value is None else value


def full_name(row: Row) -> str:
    schema = row.get("schema")
    return f"{schema}.{row.get('name')}" if schema not in (None, "public") else str(row.get("name"))


def _counter(column: str, label: str, *names: str, width: int = 8, from_width: int = 0) -> Column[Row]:
    return Column(
        column, label, width, lambda row, _: figures.rate(row.total(*names)), lambda row: _known(row.total(*names)),
        True, from_width,
    )  # fmt: skip


def _ratio(column: str, label: str, name: str, from_width: int = 0) -> Column[Row]:
    return Column(
        column, label, 6, lambda row, _: figures.percent(row.figure(name)), lambda row: _known(row.figure(name)), True,
        from_width,
    )  # fmt: skip


def table_columns(objects: Objects) -> list[Column[Row]]:
    def size(row: Row, width: int) -> Cell:
        return figures.octets(objects.table_bytes(row))

    def vacuumed(row: Row, width: int) -> Cell:
        return objects.ago(row.get("last_vacuum"), row.get("last_autovacuum")), "dim"

    def analyzed(row: Row, width: int) -> Cell:
        return objects.ago(row.get("last_analyze"), row.get("last_autoanalyze")), "dim"

    return [
        Column("name", "TABLE", 0, lambda row, _: full_name(row), lambda row: full_name(row).lower(),
               largest_first=False),
        Column("size", "SIZE", 8, size, lambda row: _known(objects.table_bytes(row)), True),
        Column("rows", "ROWS", 7, lambda row, _: figures.count(row.get("n_live_tup")),
               lambda row: _known(row.get("n_live_tup")), True),
        _counter("seq", "SEQ", "seq_scan"),
        _counter("read", "SEQ ROWS", "seq_tup_read", from_width=100),
        _counter("idx", "IDX", "idx_scan"),
        _counter("writes", "WRITES", *_TUPLES),
        _ratio("hot", "HOT", "hot_ratio", 90),
        Column("dead", "DEAD", 6, _dead, lambda row: _known(row.figure("dead_ratio")), True),
        _ratio("hit", "HIT", "hit_ratio"),
        Column("vacuum", "VACUUM", 7, vacuumed, None, True, 100),
        Column("analyze", "ANALYZE", 7, analyzed, None, True, 100),
        Column("deleted", "DEAD ROWS", 9, lambda row, _: figures.count(row.get("n_dead_tup")),
               lambda row: _known(row.get("n_dead_tup")), True, 150),
        Column("changed", "SINCE ANALYZE", 13, lambda row, _: figures.count(row.get("n_mod_since_analyze")),
               lambda row: _known(row.get("n_mod_since_analyze")), True, 150),
        Column("age", "XID AGE", 8, lambda row, _: figures.count(row.get("xid_age")),
               lambda row: _known(row.get("xid_age")), True, 130),
    ]  # fmt: skip


def _dead(row: Row, width: int) -> Cell:
    share = row.figure("dead_ratio")
    return figures.percent(share), "warn" if share is not None and share > MANY_DEAD else ""


def index_columns(objects: Objects) -> list[Column[Row]]:
    def size(row: Row, width: int) -> Cell:
        return figures.octets(objects.index_bytes(row))

    def last(row: Row, width: int) -> Cell:
        return (objects.ago(row.get("last_idx_scan")) if row.get("last_idx_scan") is not None else "", "dim")

    return [
        Column("name", "INDEX", 0, lambda row, _: full_name(row), lambda row: full_name(row).lower(),
               largest_first=False),
        Column("table", "TABLE", 16, lambda row, _: (str(row.get("table")), "dim"),
               lambda row: str(row.get("table")).lower(), False, 70, False),
        Column("kind", "KIND", 7, _kind, lambda row: _kind(row, 7)[0], largest_first=False),
        Column("size", "SIZE", 8, size, lambda row: _known(objects.index_bytes(row)), True),
        Column("scans", "SCANS", 8, _scans, lambda row: _known(row.figure("idx_scan")), True),
        Column("per", "PER SCAN", 8, lambda row, _: figures.count(row.figure("rows_per_scan")),
               lambda row: _known(row.figure("rows_per_scan")), True, 100),
        Column("fetched", "FETCHED", 8, lambda row, _: number(row, "idx_tup_fetch"),
               lambda row: _known(row.figure("idx_tup_fetch")), True, 120),
        _ratio("hit", "HIT", "hit_ratio"),
        Column("last", "LAST SCAN", 9, last, None, True, 90),
    ]  # fmt: skip


def _kind(row: Row, width: int) -> tuple[str, str]:
    if row.get("valid") is False:
        return "INVALID", "bad"
    if row.get("is_primary"):
        return "primary", "dim"
    return ("unique", "dim") if row.get("is_unique") else ("", "")


def _scans(row: Row, width: int) -> Cell:
    """An index that nothing ever read stands out, unless it keeps rows unique."""
    unused = row.get("idx_scan") == 0 and not row.get("is_unique")
    return figures.rate(row.figure("idx_scan")), "warn" if unused else ""


def matches(row: Row, needle: str) -> bool:
    """Every word of `needle` stands in the schema, the table or the name."""
    hay = f"{row.get('schema')}.{row.get('name')} {row.get('table') or ''}".lower()
    return all(word in hay for word in needle.lower().split())
