"""Two readings of a query family made into figures per second, and the ratios that people look for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from optischema_tui.core.models import Reading
from optischema_tui.core.workload.epoch import interval_seconds

Row = dict[str, Any]

_COUNTERS = {
    "databases": """xact_commit xact_rollback blks_read blks_hit tup_returned tup_fetched tup_inserted tup_updated
        tup_deleted conflicts temp_files temp_bytes deadlocks checksum_failures blk_read_time blk_write_time
        session_time active_time idle_in_transaction_time sessions sessions_abandoned sessions_fatal sessions_killed
        parallel_workers_to_launch parallel_workers_launched""",
    "tables": """seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins n_tup_upd n_tup_del n_tup_hot_upd
        n_tup_newpage_upd vacuum_count autovacuum_count analyze_count autoanalyze_count total_vacuum_time
        total_autovacuum_time total_analyze_time total_autoanalyze_time heap_blks_read heap_blks_hit idx_blks_read
        idx_blks_hit toast_blks_read toast_blks_hit""",
    "indexes": "idx_scan idx_tup_read idx_tup_fetch idx_blks_read idx_blks_hit",
    "io": """reads read_bytes read_time writes write_bytes write_time writebacks writeback_time extends extend_bytes
        extend_time hits evictions reuses fsyncs fsync_time""",
    "wal": "position wal_records wal_fpi wal_bytes wal_buffers_full wal_write wal_write_time wal_sync wal_sync_time",
    "checkpointer": """num_timed num_requested num_done restartpoints_timed restartpoints_req restartpoints_done
        write_time sync_time buffers_written slru_written buffers_clean maxwritten_clean buffers_alloc buffers_backend
        buffers_backend_fsync archived_count failed_count""",
    "slots": "spill_txns spill_count spill_bytes stream_txns stream_count stream_bytes total_txns total_bytes",
}
COUNTERS: Mapping[str, frozenset[str]] = {family: frozenset(names.split()) for family, names in _COUNTERS.items()}
"""Columns that only grow within an epoch, by family. All others are what they are at a moment."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "databases": ("datid",),
    "tables": ("relid",),
    "indexes": ("indexrelid",),
    "io": ("backend_type", "object", "context"),
    "slots": ("slot_name",),
    "replication": ("what", "pid"),
    "progress": ("pid",),
    "settings": ("name",),
}
"""The columns that tell one row of a family from another, where it has more than one."""


def rates(before: Reading, after: Reading) -> list[Row]:
    """The rows of `after` with each counter as its growth per second since `before`, and the ratios of that interval
    (see `derived`). Times become ms per second.

    A rate is None when it is not known: the counter is not there, it has fallen, an epoch ended in between, the clock
    did not go forward, or the row is new among rows of which not all were read. A row that is new otherwise counts from
    0. A row with a rate that is not known has no ratios.
    """
    counters, keys = COUNTERS.get(after.family, frozenset()), KEYS.get(after.family, ())
    seconds = interval_seconds(before, after)
    whole = before.family == after.family and before.epoch == after.epoch and not before.problem and seconds > 0
    old = {tuple(row.get(key) for key in keys): row for row in before.dicts()} if whole else {}
    found: list[Row] = []
    for row in after.dicts():
        was = old.get(tuple(row.get(key) for key in keys))
        if was is None and whole and not before.left_out:
            was = {}
        unsure = False
        for name in counters & row.keys():
            now = row[name]
            row[name] = None if was is None else _rate(was.get(name, 0), now, seconds)
            unsure |= now is not None and row[name] is None
        found.append(row | (dict.fromkeys(_DERIVED.get(after.family, ())) if unsure else derived(after.family, row)))
    return found


def totals(reading: Reading) -> list[Row]:
    """The rows as they are, counters since they began, with the ratios of that time."""
    return [row | derived(reading.family, row) for row in reading.dicts()]


def derived(family: str, row: Mapping[str, Any]) -> Row:
    """Ratios (0-1) and means of one row, of counters or of their rates alike; None where a part is not known or 0.

    - databases: hit_ratio (blocks found in the cache), rollback_ratio;
    - tables: hit_ratio (heap, indexes and TOAST), hot_ratio (of updates), dead_ratio (of all rows, now), idx_ratio (of
      scans), newpage_ratio (of updates, 16+), modified_ratio (rows changed since the last analyze, of the live ones);
    - indexes: hit_ratio, rows_per_scan;
    - io: hit_ratio, read_ms, write_ms, fsync_ms (a mean each);
    - wal: fpi_ratio (full page images of all records), bytes_per_record, write_ms, sync_ms;
    - checkpointer: requested_ratio (of checkpoints), write_ms_per_buffer.
    """
    return {name: compute(row) for name, compute in _DERIVED.get(family, {}).items()}


def _rate(was: Any, now: Any, seconds: float) -> float | None:
    if was is None or now is None or now < was:
        return None
    return float(now - was) / seconds


def _sum(row: Mapping[str, Any], names: str) -> float | None:
    """None when none of them is known."""
    values = [row[name] for name in names.split() if row.get(name) is not None]
    return float(sum(values)) if values else None


def _of(part: str, whole: str) -> Callable[[Mapping[str, Any]], float | None]:
    """The sum of the columns `part` divided by that of the columns `whole`."""

    def compute(row: Mapping[str, Any]) -> float | None:
        above, below = _sum(row, part), _sum(row, whole)
        return above / below if above is not None and below else None

    return compute


_TABLE_HITS = "heap_blks_hit idx_blks_hit toast_blks_hit"
_DERIVED: Mapping[str, Mapping[str, Callable[[Mapping[str, Any]], float | None]]] = {
    "databases": {
        "hit_ratio": _of("blks_hit", "blks_hit blks_read"),
        "rollback_ratio": _of("xact_rollback", "xact_commit xact_rollback"),
    },
    "tables": {
        "hit_ratio": _of(_TABLE_HITS, f"{_TABLE_HITS} heap_blks_read idx_blks_read toast_blks_read"),
        "hot_ratio": _of("n_tup_hot_upd", "n_tup_upd"),
        "newpage_ratio": _of("n_tup_newpage_upd", "n_tup_upd"),
        "dead_ratio": _of("n_dead_tup", "n_live_tup n_dead_tup"),
        "idx_ratio": _of("idx_scan", "idx_scan seq_scan"),
        "modified_ratio": _of("n_mod_since_analyze", "n_live_tup"),
    },
    "indexes": {
        "hit_ratio": _of("idx_blks_hit", "idx_blks_hit idx_blks_read"),
        "rows_per_scan": _of("idx_tup_read", "idx_scan"),
    },
    "io": {
        "hit_ratio": _of("hits", "hits reads"),
        "read_ms": _of("read_time", "reads"),
        "write_ms": _of("write_time", "writes"),
        "fsync_ms": _of("fsync_time", "fsyncs"),
    },
    "wal": {
        "fpi_ratio": _of("wal_fpi", "wal_records"),
        "bytes_per_record": _of("wal_bytes", "wal_records"),
        "write_ms": _of("wal_write_time", "wal_write"),
        "sync_ms": _of("wal_sync_time", "wal_sync"),
    },
    "checkpointer": {
        "requested_ratio": _of("num_requested", "num_timed num_requested"),
        "write_ms_per_buffer": _of("write_time", "buffers_written"),
    },
}
