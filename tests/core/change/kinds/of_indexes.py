"""What the tests of the kinds of index changes share: how every index is, byte for byte."""

from __future__ import annotations

from typing import Any

Bench = Any
"""See conftest of core/change."""

_INDEXES = """
SELECT n.nspname::text, c.relname::text, pg_get_indexdef(c.oid), c.relkind::text, i.indisvalid, i.indisready,
       i.indisunique, i.indisprimary, i.indisclustered, i.indisreplident, c.reloptions::text, s.spcname::text,
       obj_description(c.oid, 'pg_class'),
       ARRAY(SELECT a.attnum || '=' || a.attstattarget FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attstattarget >= 0 ORDER BY a.attnum),
       ARRAY(SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'x'),
       (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid), c.relowner::regrole::text
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') ORDER BY 1, 2
"""


def indexes(bench: Bench) -> dict[str, tuple[Any, ...]]:
    """Every index of the database by name, with all that can be said of it."""
    return {row[1]: row for row in bench.sql(_INDEXES)}
