"""Counters of every database of the cluster."""

from __future__ import annotations

from optischema_tui.core.collect.families.question import Kind, Question, column, columns, reset_of
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.models import Reading

_TIMEOUT = 6.0
DATABASES = Question(
    "databases",
    (
        *columns("s", Kind.INT, "datid"),
        *columns("s", Kind.TEXT, "datname"),
        *columns("s", Kind.INT, "numbackends xact_commit xact_rollback blks_read blks_hit tup_returned tup_fetched"),
        *columns("s", Kind.INT, "tup_inserted tup_updated tup_deleted conflicts temp_files temp_bytes deadlocks"),
        *columns("s", Kind.INT, "checksum_failures"),
        *columns("s", Kind.TIME, "checksum_last_failure"),
        *columns("s", Kind.FLOAT, "blk_read_time blk_write_time session_time active_time idle_in_transaction_time"),
        *columns("s", Kind.INT, "sessions sessions_abandoned sessions_fatal sessions_killed"),
        *columns("s", Kind.INT, "parallel_workers_to_launch parallel_workers_launched"),
        column("xid_age", Kind.INT, "pg_catalog.age(d.datfrozenxid)"),
        column("mxid_age", Kind.INT, "pg_catalog.mxid_age(d.datminmxid)"),
        reset_of("s"),
    ),
    views={"s": "pg_stat_database"},
    needs="pg_stat_database",
)
"""Times in ms, except `checksum_last_failure` and `stats_reset`: seconds since 1970. Blocks in pages, temp in bytes."""


async def _read(source: Source) -> Reading:
    return await DATABASES.read(source, _TIMEOUT)


FAMILY = Family("databases", "Databases", 60.0, _TIMEOUT, Lane.SLOW, _read)
