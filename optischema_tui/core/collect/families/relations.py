"""Tables and indexes of the connected database: what was done with them, and how large they are."""

from __future__ import annotations

from dataclasses import replace

from optischema_tui.core.collect.families.question import Column, Kind, Question, column, columns
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.errors import OptischemaError, ServerLost, TargetError
from optischema_tui.core.models import Reading

_TIMEOUT = 8.0
_STATS = "pg_catalog.pg_stat_get_"
_RESET = (
    f"(SELECT {_STATS}db_stat_reset_time(d.oid) FROM pg_catalog.pg_database AS d"
    " WHERE d.datname = pg_catalog.current_database())"
)
"""It moves also when the counters of one table alone are reset."""


def _counters(kind: Kind, names: str) -> tuple[Column, ...]:
    """Columns from `our_name=function` pairs; the functions' names without what they have in common."""
    pairs = (each.partition("=") for each in names.split())
    return tuple(column(name, kind, f"{_STATS}{function or name}(c.oid)") for name, _, function in pairs)


TABLES = Question(
    "tables",
    (
        column("relid", Kind.INT, "c.oid"),
        column("schema", Kind.TEXT, "c.nspname"),
        column("name", Kind.TEXT, "c.relname"),
        column("kind", Kind.TEXT, "c.relkind"),
        *columns("c", Kind.INT, "relpages"),
        *columns("c", Kind.FLOAT, "reltuples"),
        column("all_visible_pages", Kind.INT, "c.relallvisible"),
        column("toast_pages", Kind.INT, "o.relpages"),
        *columns("i", Kind.INT, "indexes"),
        *_counters(Kind.INT, "seq_scan=numscans seq_tup_read=tuples_returned"),
        column("idx_scan", Kind.INT, "i.scans"),
        column("idx_tup_fetch", Kind.INT, f"i.fetched + {_STATS}tuples_fetched(c.oid)"),
        *_counters(Kind.TIME, "last_seq_scan=lastscan"),
        *_counters(Kind.INT, "n_tup_ins=tuples_inserted n_tup_upd=tuples_updated n_tup_del=tuples_deleted"),
        *_counters(Kind.INT, "n_tup_hot_upd=tuples_hot_updated n_tup_newpage_upd=tuples_newpage_updated"),
        *_counters(Kind.INT, "n_live_tup=live_tuples n_dead_tup=dead_tuples"),
        *_counters(Kind.INT, "n_mod_since_analyze=mod_since_analyze n_ins_since_vacuum=ins_since_vacuum"),
        *_counters(Kind.TIME, "last_vacuum=last_vacuum_time last_autovacuum=last_autovacuum_time"),
        *_counters(Kind.TIME, "last_analyze=last_analyze_time last_autoanalyze=last_autoanalyze_time"),
        *_counters(Kind.INT, "vacuum_count autovacuum_count analyze_count autoanalyze_count"),
        *_counters(Kind.FLOAT, "total_vacuum_time total_autovacuum_time total_analyze_time total_autoanalyze_time"),
        column("heap_blks_read", Kind.INT, f"{_STATS}blocks_fetched(c.oid) - {_STATS}blocks_hit(c.oid)"),
        *_counters(Kind.INT, "heap_blks_hit=blocks_hit"),
        column("idx_blks_read", Kind.INT, "i.blocks - i.hit"),
        column("idx_blks_hit", Kind.INT, "i.hit"),
        column("toast_blks_read", Kind.INT, f"{_STATS}blocks_fetched(o.oid) - {_STATS}blocks_hit(o.oid)"),
        column("toast_blks_hit", Kind.INT, f"{_STATS}blocks_hit(o.oid)"),
        column(
            "xid_age",
            Kind.INT,
            "CASE WHEN c.relkind <> 'p'"
            " THEN greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(o.relfrozenxid)) END",
        ),
    ),
    reset=_RESET,
)
"""`relpages`, `toast_pages` and `reltuples` are of the last vacuum or analyze (-1: never). Blocks in pages, total times
in ms, moments in seconds since 1970. `kind`: r table, m materialized view, p partitioned. `xid_age`: of the oldest
transaction that the table or its TOAST may hold unfrozen."""

INDEXES = Question(
    "indexes",
    (
        column("indexrelid", Kind.INT, "c.oid"),
        column("relid", Kind.INT, "c.indrelid"),
        column("schema", Kind.TEXT, "c.nspname"),
        column("table", Kind.TEXT, "c.table_name"),
        column("name", Kind.TEXT, "c.relname"),
        *columns("c", Kind.INT, "relpages"),
        *columns("c", Kind.FLOAT, "reltuples"),
        column("valid", Kind.BOOL, "c.indisvalid AND c.indisready"),
        column("is_unique", Kind.BOOL, "c.indisunique"),
        column("is_primary", Kind.BOOL, "c.indisprimary"),
        *_counters(Kind.INT, "idx_scan=numscans"),
        *_counters(Kind.TIME, "last_idx_scan=lastscan"),
        *_counters(Kind.INT, "idx_tup_read=tuples_returned idx_tup_fetch=tuples_fetched"),
        column("idx_blks_read", Kind.INT, f"{_STATS}blocks_fetched(c.oid) - {_STATS}blocks_hit(c.oid)"),
        *_counters(Kind.INT, "idx_blks_hit=blocks_hit"),
    ),
    reset=_RESET,
)
"""`last_idx_scan` in seconds since 1970, blocks in pages."""

_SIZES = Question(
    "sizes",
    (
        column("what", Kind.TEXT, "'table'"),
        column("relid", Kind.INT, "c.oid"),
        column("schema", Kind.TEXT, "c.nspname"),
        column("name", Kind.TEXT, "c.relname"),
        column("total_bytes", Kind.INT, "c.with_toast + c.indexes"),
        column("table_bytes", Kind.INT, "c.with_toast - c.toast"),
        column("index_bytes", Kind.INT, "c.indexes"),
        column("toast_bytes", Kind.INT, "CASE WHEN NOT c.locked THEN c.toast END"),
        *columns("c", Kind.BOOL, "locked"),
    ),
    needs="pg_locks",
)
"""A row of a table (`what` = table) or of a database (`what` = database, `relid` its oid, the total alone is known).
Sizes of None: this role may not ask, or (`locked`) somebody holds or awaits an exclusive lock."""
_DATABASE_SIZES = replace(
    _SIZES,
    columns=(
        column("what", Kind.TEXT, "'database'"),
        column("relid", Kind.INT, "d.oid"),
        column("schema", Kind.TEXT, "NULL"),
        column("name", Kind.TEXT, "d.datname"),
        column("total_bytes", Kind.INT, "d.bytes"),
        *(column(name, Kind.INT, "NULL") for name in ("table_bytes", "index_bytes", "toast_bytes")),
        column("locked", Kind.BOOL, "false"),
    ),
    needs="pg_locks",
    query="database_sizes",
)


async def _tables(source: Source) -> Reading:
    return await TABLES.read(source, _TIMEOUT)


async def _indexes(source: Source) -> Reading:
    return await INDEXES.read(source, _TIMEOUT)


async def _sizes(source: Source) -> Reading:
    """The tables' sizes; the databases' too unless the server refuses or has too many files to count them in time."""
    try:
        tables = await _SIZES.read(source, _TIMEOUT)
    except ServerLost:
        raise
    except TargetError:
        # Somebody locked a table after its lock was looked for: that will not happen twice in a row.
        tables = await _SIZES.read(source, _TIMEOUT)
    try:
        databases = await _DATABASE_SIZES.read(source, _TIMEOUT)
    except ServerLost:
        raise
    except OptischemaError:
        return replace(tables, lacking=(*tables.lacking, "sizes of databases"))
    left_out = tables.left_out + databases.left_out
    return replace(tables, rows=databases.rows + tables.rows, left_out=left_out)


FAMILIES = (
    Family("tables", "Tables", 300.0, _TIMEOUT, Lane.SLOW, _tables),
    Family("indexes", "Indexes", 300.0, _TIMEOUT, Lane.SLOW, _indexes),
    Family("sizes", "Sizes", 3600.0, 3 * _TIMEOUT, Lane.SLOW, _sizes),
)
