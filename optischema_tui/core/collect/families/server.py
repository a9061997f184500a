"""What the whole server does beside statements: input and output, the write-ahead log, checkpoints and archiving."""

from __future__ import annotations

from optischema_tui.core.collect.families.question import Kind, Question, column, columns, reset_of
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.models import Reading

_TIMEOUT = 6.0

IO = Question(
    "io",
    (
        *columns("i", Kind.TEXT, "backend_type object context"),
        *columns("i", Kind.INT, "reads"),
        column("read_bytes", Kind.INT, "i.read_bytes", "i.reads * i.op_bytes"),
        *columns("i", Kind.FLOAT, "read_time"),
        *columns("i", Kind.INT, "writes"),
        column("write_bytes", Kind.INT, "i.write_bytes", "i.writes * i.op_bytes"),
        *columns("i", Kind.FLOAT, "write_time"),
        *columns("i", Kind.INT, "writebacks"),
        *columns("i", Kind.FLOAT, "writeback_time"),
        *columns("i", Kind.INT, "extends"),
        column("extend_bytes", Kind.INT, "i.extend_bytes", "i.extends * i.op_bytes"),
        *columns("i", Kind.FLOAT, "extend_time"),
        *columns("i", Kind.INT, "hits evictions reuses fsyncs"),
        *columns("i", Kind.FLOAT, "fsync_time"),
        *columns("i", Kind.TIME, "stats_reset"),
    ),
    views={"i": "pg_stat_io"},
    needs="pg_stat_io",
    since=16,
    reset="(SELECT i.stats_reset FROM pg_catalog.pg_stat_io AS i LIMIT 1)",
)
"""Times in ms (0 while track_io_timing, for WAL track_wal_io_timing, is off). None: such a pair never does that."""

WAL = Question(
    "wal",
    (
        column("in_recovery", Kind.BOOL, "p.in_recovery"),
        column("position", Kind.LSN, "p.lsn"),
        *columns("w", Kind.INT, "wal_records wal_fpi wal_bytes wal_buffers_full"),
        column("wal_write", Kind.INT, "w.wal_write", "i.writes"),
        column("wal_write_time", Kind.FLOAT, "w.wal_write_time", "i.write_time"),
        column("wal_sync", Kind.INT, "w.wal_sync", "i.fsyncs"),
        column("wal_sync_time", Kind.FLOAT, "w.wal_sync_time", "i.fsync_time"),
        reset_of("w"),
        reset_of("i", "io_reset"),
    ),
    views={"w": "pg_stat_wal", "i": "pg_stat_io"},
)
"""`position`: bytes of WAL written (on a standby: replayed) since the cluster's beginning. Times in ms, 0 while
track_wal_io_timing is off. 18 counts writes and syncs in pg_stat_io, those of the WAL receiver and of new segments too.
"""

CHECKPOINTER = Question(
    "checkpointer",
    (
        column("num_timed", Kind.INT, "c.num_timed", "b.checkpoints_timed"),
        column("num_requested", Kind.INT, "c.num_requested", "b.checkpoints_req"),
        *columns("c", Kind.INT, "num_done restartpoints_timed restartpoints_req restartpoints_done"),
        column("write_time", Kind.FLOAT, "c.write_time", "b.checkpoint_write_time"),
        column("sync_time", Kind.FLOAT, "c.sync_time", "b.checkpoint_sync_time"),
        column("buffers_written", Kind.INT, "c.buffers_written", "b.buffers_checkpoint"),
        *columns("c", Kind.INT, "slru_written"),
        *columns("b", Kind.INT, "buffers_clean maxwritten_clean buffers_alloc buffers_backend buffers_backend_fsync"),
        *columns("a", Kind.INT, "archived_count"),
        *columns("a", Kind.TEXT, "last_archived_wal"),
        *columns("a", Kind.TIME, "last_archived_time"),
        *columns("a", Kind.INT, "failed_count"),
        *columns("a", Kind.TEXT, "last_failed_wal"),
        *columns("a", Kind.TIME, "last_failed_time"),
        reset_of("c", "checkpointer_reset"),
        reset_of("b", "bgwriter_reset"),
        reset_of("a", "archiver_reset"),
    ),
    views={"b": "pg_stat_bgwriter", "c": "pg_stat_checkpointer", "a": "pg_stat_archiver"},
    needs="pg_stat_bgwriter",
)
"""One row. Times in ms, moments in seconds since 1970, buffers in pages. `buffers_backend*` (until 16) are in
the family io from 17 on. Until 16 `num_timed` and `num_requested` count restartpoints too."""


async def _io(source: Source) -> Reading:
    return await IO.read(source, _TIMEOUT)


async def _wal(source: Source) -> Reading:
    return await WAL.read(source, _TIMEOUT)


async def _checkpointer(source: Source) -> Reading:
    return await CHECKPOINTER.read(source, _TIMEOUT)


FAMILIES = (
    Family("io", "Input and output", 60.0, _TIMEOUT, Lane.SLOW, _io),
    Family("wal", "Write-ahead log", 60.0, _TIMEOUT, Lane.SLOW, _wal),
    Family("checkpointer", "Checkpoints and archiving", 60.0, _TIMEOUT, Lane.SLOW, _checkpointer),
)
