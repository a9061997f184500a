"""Who follows this server and whom it follows, and the slots that keep WAL for them."""

from __future__ import annotations

from optischema_tui.core.collect.families.question import Kind, Question, column, columns, reset_of
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.models import Reading

_TIMEOUT = 6.0

REPLICATION = Question(
    "replication",
    (
        *columns("r", Kind.TEXT, "what"),
        *columns("r", Kind.INT, "pid"),
        *columns("r", Kind.TEXT, "name role client state sync_state"),
        *columns("r", Kind.INT, "sent_bytes write_bytes flush_bytes replay_bytes"),
        *columns("r", Kind.TIME, "write_lag flush_lag replay_lag silent"),
    ),
)
"""`what`: sender (a standby or other receiver of ours), receiver (what this standby gets), subscription. Bytes are how
far the other is behind at that step (receiver: `sent_bytes` behind its sender, `replay_bytes` received and not yet
replayed). Lags in seconds, None when nothing was to be measured; `silent`: seconds since its last message. Other roles'
rows have a pid only, without pg_read_all_stats."""

SLOTS = Question(
    "slots",
    (
        *columns("s", Kind.TEXT, "slot_name slot_type plugin database"),
        *columns("s", Kind.BOOL, "active temporary"),
        *columns("s", Kind.INT, "active_pid"),
        column("retained_bytes", Kind.INT, "pg_catalog.pg_wal_lsn_diff(h.lsn, s.restart_lsn)"),
        column("unconfirmed_bytes", Kind.INT, "pg_catalog.pg_wal_lsn_diff(h.lsn, s.confirmed_flush_lsn)"),
        *columns("s", Kind.TEXT, "wal_status"),
        *columns("s", Kind.INT, "safe_wal_size"),
        column("xmin_age", Kind.INT, "pg_catalog.age(s.xmin)"),
        column("catalog_xmin_age", Kind.INT, "pg_catalog.age(s.catalog_xmin)"),
        *columns("s", Kind.TIME, "inactive_since"),
        *columns("s", Kind.TEXT, "invalidation_reason"),
        *columns("s", Kind.BOOL, "conflicting two_phase failover synced"),
        *columns("t", Kind.INT, "spill_txns spill_count spill_bytes stream_txns stream_count stream_bytes"),
        *columns("t", Kind.INT, "total_txns total_bytes"),
        reset_of("t"),
    ),
    views={"s": "pg_replication_slots", "t": "pg_stat_replication_slots"},
    needs="pg_replication_slots",
)
"""`retained_bytes`: WAL that the server keeps for it; `safe_wal_size`: bytes that may still be written before the slot
is in danger of being lost, None without max_slot_wal_keep_size. Ages in transactions."""


async def _replication(source: Source) -> Reading:
    return await REPLICATION.read(source, _TIMEOUT)


async def _slots(source: Source) -> Reading:
    return await SLOTS.read(source, _TIMEOUT)


FAMILIES = (
    Family("replication", "Replication", 30.0, _TIMEOUT, Lane.SLOW, _replication),
    Family("slots", "Replication slots", 60.0, _TIMEOUT, Lane.SLOW, _slots),
)
