"""Synthetic sessions, waits, readings and capabilities for the screens: made up, the same on every run."""

from __future__ import annotations

import math
from typing import Any

import sample_data as sample

from optischema_tui import messages as m
from optischema_tui.core.models import ActivitySample, Reading, Session, WaitPoint
from optischema_tui.core.target.capabilities import Capabilities, Capability, Group
from optischema_tui.state import Past, Sight

NOW = sample.NOW
EPOCH = "7300000000000000001/1700000000"


def session(pid: int, **changes: Any) -> Session:
    values: dict[str, Any] = {
        "pid": pid,
        "backend_type": "client backend",
        "database": "shop",
        "role": "shop_app",
        "application": "checkout",
        "client": "10.0.0.7",
        "state": "active",
        "wait_type": "",
        "wait_event": "",
        "queryid": 9_000 + pid % 8,
        "query": sample.TEXTS[pid % 8],
        "xact_seconds": 0.4,
        "query_seconds": 0.2,
    }
    return Session(**(values | changes))


def activity(**changes: Any) -> ActivitySample:
    """Seven sessions; 4712 blocks 4713, which blocks 4714 and 4715."""
    sessions = (
        session(4711, wait_type="IO", wait_event="DataFileRead", query_seconds=12.5, xact_seconds=12.5),
        session(4712, state="idle in transaction", wait_type="Client", wait_event="ClientRead", query_seconds=301.0,
                xact_seconds=340.0, application="psql", role="dana"),
        session(4713, wait_type="Lock", wait_event="transactionid", query_seconds=44.0, blocked_by=(4712,)),
        session(4714, wait_type="Lock", wait_event="tuple", query_seconds=31.0, blocked_by=(4713,)),
        session(4715, wait_type="Lock", wait_event="tuple", query_seconds=29.0, blocked_by=(4713,)),
        session(4716, wait_type="LWLock", wait_event="WALInsert", query_seconds=0.02),
        session(4717, queryid=None, backend_type="autovacuum worker", role="", application="", client="",
                query="autovacuum: VACUUM public.events", query_seconds=95.0, xact_seconds=95.0),
    )  # fmt: skip
    values: dict[str, Any] = {"taken_at": NOW, "monotonic": 1000.0, "server_clock": NOW, "sessions": sessions,
                              "idle": 14, "hidden": 0, "total": 21}  # fmt: skip
    return ActivitySample(**(values | changes))


def waits(points: int = 150, breaks_at: int = 90) -> tuple[WaitPoint, ...]:
    made = []
    for place in range(points):
        busy = 2.2 + 1.6 * math.sin(place / 11)
        lock = 2.5 if 40 < place < 58 else 0.0
        by_class = (("CPU", busy), ("IO", 0.9 + 0.5 * math.sin(place / 5)), ("Lock", lock),
                    ("LWLock", 0.05), ("Timeout", 0.1 if place % 13 == 0 else 0.0))  # fmt: skip
        made.append(WaitPoint(NOW - 10.0 * (points - place), 10.0, 10, by_class, place == breaks_at))
    return tuple(made)


def reading(family: str, rows: list[dict[str, Any]], **changes: Any) -> Reading:
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    values: dict[str, Any] = {
        "family": family,
        "taken_at": NOW,
        "monotonic": 1000.0,
        "server_clock": NOW,
        "columns": names,
        "rows": tuple(tuple(row.get(name) for name in names) for row in rows),
        "epoch": EPOCH,
    }
    return Reading(**(values | changes))


def earlier(rows: list[dict[str, Any]], share: float = 0.01) -> list[dict[str, Any]]:
    """The same rows with counters (whole numbers above 1,000) smaller by `share`."""
    return [
        {name: int(value * (1 - share)) if type(value) is int and value > 1000 and not name.endswith("id") else value
         for name, value in row.items()}
        for row in rows
    ]  # fmt: skip


def pair(family: str, rows: list[dict[str, Any]], seconds: float = 300.0, **changes: Any) -> tuple[Reading, Reading]:
    before = reading(
        family, earlier(rows), taken_at=NOW - seconds, monotonic=1000 - seconds, server_clock=NOW - seconds
    )
    return reading(family, rows, **changes), before


def table(place: int, name: str, **changes: Any) -> dict[str, Any]:
    rows = 4_800_000 // (place + 1) ** 2
    values = {
        "relid": 20_000 + place, "schema": "public", "name": name, "kind": "r", "relpages": rows // 60,
        "reltuples": float(rows), "toast_pages": 12, "indexes": 3, "seq_scan": 1_200 * (place + 1),
        "seq_tup_read": 90_000_000 // (place + 1), "idx_scan": 8_400_000 // (place + 1), "idx_tup_fetch": 9_100_000,
        "n_tup_ins": 310_000, "n_tup_upd": 920_000, "n_tup_del": 14_000, "n_tup_hot_upd": 701_000 // (place + 1),
        "n_live_tup": rows, "n_dead_tup": rows // 3 if place == 2 else rows // 90, "n_mod_since_analyze": 4_100,
        "last_vacuum": None, "last_autovacuum": NOW - 7_300 * (place + 1), "last_analyze": None,
        "last_autoanalyze": None if place == 3 else NOW - 4_000, "heap_blks_read": 91_000, "heap_blks_hit": 7_100_000,
        "idx_blks_read": 12_000, "idx_blks_hit": 9_100_000, "toast_blks_read": 0, "toast_blks_hit": 0,
        "xid_age": 41_000_000,
    }  # fmt: skip
    return values | changes


def index(place: int, table_name: str, name: str, **changes: Any) -> dict[str, Any]:
    values = {
        "indexrelid": 30_000 + place, "relid": 20_000, "schema": "public", "table": table_name, "name": name,
        "relpages": 21_000 // (place + 1), "reltuples": 4.8e6, "valid": True, "is_unique": place == 0,
        "is_primary": place == 0, "idx_scan": 6_100_000 // (place + 1), "last_idx_scan": NOW - 5,
        "idx_tup_read": 12_900_000, "idx_tup_fetch": 11_000_000, "idx_blks_read": 8_100, "idx_blks_hit": 6_600_000,
    }  # fmt: skip
    return values | changes


TABLES = [table(place, name) for place, name in enumerate(("orders", "order_items", "events", "customers"))]
INDEXES = [
    index(0, "orders", "orders_pkey"),
    index(1, "orders", "orders_customer_id_idx"),
    index(2, "events", "events_kind_idx", idx_scan=0, idx_tup_read=0, last_idx_scan=None),
    index(3, "events", "events_created_at_idx", valid=False),
]
DATABASES = [
    {"datid": 16384, "datname": "shop", "numbackends": 21, "xact_commit": 9_412_000, "xact_rollback": 1_210,
     "blks_read": 91_000, "blks_hit": 88_100_000, "tup_returned": 1_200_000_000, "temp_bytes": 92_000_000,
     "deadlocks": 2, "conflicts": 0, "checksum_failures": 0, "xid_age": 212_000_000},
    {"datid": 5, "datname": "postgres", "numbackends": 1, "xact_commit": 41_000, "xact_rollback": 0, "blks_read": 900,
     "blks_hit": 810_000, "tup_returned": 9_000_000, "temp_bytes": 0, "deadlocks": 0, "conflicts": 0,
     "checksum_failures": 0, "xid_age": 41_000_000},
]  # fmt: skip
IO = [
    {"backend_type": "client backend", "object": "relation", "context": "normal", "reads": 91_000,
     "read_bytes": 745_000_000, "writes": 2_100, "write_bytes": 17_000_000, "extends": 4_000,
     "extend_bytes": 32_000_000, "hits": 88_100_000, "evictions": 72_000, "fsyncs": None},
    {"backend_type": "autovacuum worker", "object": "relation", "context": "vacuum", "reads": 51_000,
     "read_bytes": 417_000_000, "writes": 12_000, "write_bytes": 98_000_000, "extends": None, "extend_bytes": None,
     "hits": 910_000, "evictions": 1_700, "fsyncs": None},
    {"backend_type": "checkpointer", "object": "relation", "context": "normal", "reads": None, "read_bytes": None,
     "writes": 41_000, "write_bytes": 335_000_000, "extends": None, "extend_bytes": None, "hits": None,
     "evictions": None, "fsyncs": 1_900},
]  # fmt: skip
WAL = [{"in_recovery": False, "position": 91_200_000_000, "wal_records": 41_000_000, "wal_fpi": 1_900_000,
        "wal_bytes": 14_100_000_000, "wal_buffers_full": 0, "wal_write": 910_000, "wal_sync": 880_000}]  # fmt: skip
CHECKPOINTER = [{"num_timed": 410, "num_requested": 911, "num_done": 1_301, "write_time": 91_000.0, "sync_time": 810.0,
                 "buffers_written": 41_000, "buffers_clean": 2_100, "buffers_backend": None, "archived_count": 9_100,
                 "last_archived_time": NOW - 900, "failed_count": 3, "last_failed_time": NOW - 40,
                 "last_failed_wal": "000000010000001500000042"}]  # fmt: skip
REPLICATION = [
    {"what": "sender", "pid": 901, "name": "standby-b", "role": "replicator", "client": "10.0.0.9",
     "state": "streaming", "sync_state": "async", "replay_bytes": 2_900_000_000, "replay_lag": 41.0, "silent": 0.4},
]  # fmt: skip
SLOTS = [
    {"slot_name": "standby_b", "slot_type": "physical", "database": None, "active": True,
     "retained_bytes": 2_900_000_000, "wal_status": "extended", "safe_wal_size": None, "invalidation_reason": None},
    {"slot_name": "warehouse", "slot_type": "logical", "database": "shop", "active": False,
     "retained_bytes": 91_000_000_000, "wal_status": "lost", "safe_wal_size": 0, "invalidation_reason": "wal_removed"},
]  # fmt: skip
PROGRESS = [
    {"pid": 4717, "command": "VACUUM", "database": "shop", "schema": "public", "name": "events",
     "phase": "scanning heap", "done": 41_000, "total": 96_000, "unit": "blocks"},
]  # fmt: skip
SETTINGS = [
    {"name": "shared_buffers", "setting": "262144", "unit": "8kB", "source": "configuration file", "boot_val": "16384",
     "pending_restart": True},
    {"name": "work_mem", "setting": "16384", "unit": "kB", "source": "configuration file", "boot_val": "4096",
     "pending_restart": False},
    {"name": "random_page_cost", "setting": "4", "unit": None, "source": "default", "boot_val": "4",
     "pending_restart": False},
    {"name": "block_size", "setting": "8192", "unit": None, "source": "default", "boot_val": "8192",
     "pending_restart": False},
]  # fmt: skip
SIZES = [
    {"what": "database", "relid": 16384, "schema": None, "name": "shop", "total_bytes": 9_100_000_000, "locked": False},
    {"what": "table", "relid": 20_000, "schema": "public", "name": "orders", "total_bytes": 1_420_000_000,
     "locked": False},
]  # fmt: skip


def readings() -> dict[str, tuple[Reading, Reading | None]]:
    return {
        "tables": pair("tables", TABLES, left_out=212),
        "indexes": pair("indexes", INDEXES),
        "sizes": (reading("sizes", SIZES), None),
        "databases": pair("databases", DATABASES, 60.0),
        "io": pair("io", IO, 60.0),
        "wal": pair("wal", WAL, 60.0),
        "checkpointer": pair("checkpointer", CHECKPOINTER, 60.0, lacking=("buffers_backend",)),
        "replication": (reading("replication", REPLICATION), None),
        "slots": (reading("slots", SLOTS), None),
        "progress": (reading("progress", PROGRESS), None),
        "settings": (reading("settings", SETTINGS), None),
    }


def capabilities() -> Capabilities:
    parts = (
        Capability("session", True, title="Direct session", group=Group.CONNECTION),
        Capability("statements", True, title="Statements and their load"),
        Capability("texts", False, "Statements of 3 other roles have no text", 'GRANT pg_read_all_stats TO "guest";',
                   "Texts of other roles' statements"),
        Capability("io_timing", True, "track_io_timing is off: I/O times are zeros, not fast",
                   "ALTER SYSTEM SET track_io_timing = on;\nSELECT pg_catalog.pg_reload_conf();", "I/O timing",
                   Group.FIGURES, limited=True),
        Capability("changes", False, "guest does not own orders", 'GRANT "shop_owner" TO "guest";', "Create indexes",
                   Group.CHANGE),
        Capability("history", True, title="History can be written", group=Group.LOCAL),
    )  # fmt: skip
    return Capabilities(
        180006, "18.6", "guest", False, False, False, "public", "1.12", frozenset(), False, parts,
        ("Amazon RDS was recognised: settings are changed in its parameter groups, not with ALTER SYSTEM.",),
        "Amazon RDS",
    )  # fmt: skip


def facts() -> list[m.Fact]:
    """Everything that a server with all families tells."""
    told: list[m.Fact] = [m.ActivityReady(activity(), waits())]
    told += [m.ReadingReady(reading, before) for reading, before in readings().values()]
    return [*told, m.Doctored(capabilities(), sample.TARGET)]


def past(at: float = NOW - 86_400, **changes: Any) -> Past:
    values: dict[str, Any] = {
        "at": at,
        "sight": Sight(sample.picture(10, taken_at=at), activity(taken_at=at), waits(), readings()),
        "note": "Figures are those of 10 minutes.",
    }
    return Past(**(values | changes))
