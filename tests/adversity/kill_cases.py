"""One change of each kind: what a person writes, what the server is before it, and what it shows afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

SETUP = """
CREATE TABLE items (id bigint PRIMARY KEY, order_id int NOT NULL, note text) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT g, g / 3, repeat('x', 40) FROM generate_series(1, 30000) g;
CREATE INDEX items_note ON items (note) WITH (fillfactor = 80);
COMMENT ON INDEX items_note IS 'kept for the ''report''';
CREATE INDEX items_lower ON items (lower(note));
ALTER INDEX items_lower ALTER COLUMN 1 SET STATISTICS 321;
CREATE STATISTICS items_dep (dependencies) ON order_id, note FROM items;
ALTER STATISTICS items_dep SET STATISTICS 50;
CREATE TABLE parts (id int NOT NULL, at date NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
INSERT INTO parts SELECT g, date '2026-01-01' + g % 90, 'n' FROM generate_series(1, 9000) g;
"""
INDEXES = """
SELECT string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' INVALID' END
       || coalesce(' -- ' || obj_description(i.indexrelid, 'pg_class'), '')
       || coalesce((SELECT ' stat ' || string_agg(coalesce(a.attstattarget::int, -1)::text, ',' ORDER BY a.attnum)
                    FROM pg_attribute a WHERE a.attrelid = i.indexrelid), '')
       || coalesce((SELECT ' in ' || h.inhparent::regclass::text
                    FROM pg_inherits h WHERE h.inhrelid = i.indexrelid), ''),
       E'\\n' ORDER BY i.indexrelid::regclass::text)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace
"""
OPTIONS = "SELECT coalesce(reloptions::text, '') FROM pg_class WHERE oid = 'items'::regclass"
STATISTICS = """
SELECT coalesce(string_agg(pg_get_statisticsobjdef(oid) || ' ' || coalesce(stxstattarget::int, -1), E'\\n'
                           ORDER BY stxname), '')
FROM pg_statistic_ext
"""
SYSTEM = """
SELECT coalesce((SELECT setting FROM pg_file_settings
                 WHERE name = 'random_page_cost' AND sourcefile LIKE '%postgresql.auto.conf'), 'absent')
"""
SCOPED = """
SELECT coalesce(string_agg(setrole::regrole::text || ' ' || setconfig::text, E'\\n' ORDER BY 1), 'absent')
FROM pg_db_role_setting WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


@dataclass(frozen=True)
class Case:
    kind: str
    sql: str
    look: str
    """A query of one text: what the change is to move. Equal before and after an apply and its rollback."""
    done: str
    """Stands in the answer of `look` when all of it is done, and only then; empty: the change leaves no trace there."""
    gone: str = ""
    """Where the change removes something: this stands in the answer until all of it is done."""
    undo: bool = True
    repeatable: tuple[str, ...] = field(default=())
    """Beginnings of statements of which a second run does no harm."""


CASES = (
    Case("create_index", "CREATE INDEX CONCURRENTLY items_kill ON items (order_id)", INDEXES, "INDEX items_kill ON"),
    Case("drop_index", "DROP INDEX CONCURRENTLY items_note", INDEXES, "", gone="INDEX items_note ON"),
    Case("drop_index", "DROP INDEX CONCURRENTLY items_lower", INDEXES, "", gone="INDEX items_lower ON"),
    Case("partitioned_index", "CREATE INDEX parts_kill ON parts (id)", INDEXES, "INDEX parts_kill ON"),
    Case("reindex", "REINDEX INDEX CONCURRENTLY items_note", INDEXES, "", undo=False),
    Case("analyze", "ANALYZE items", INDEXES, "", undo=False, repeatable=("ANALYZE",)),
    Case("vacuum", "VACUUM items", INDEXES, "", undo=False, repeatable=("VACUUM",)),
    Case("create_statistics", "CREATE STATISTICS items_kill (ndistinct) ON id, order_id FROM items", STATISTICS,
         "STATISTICS public.items_kill", repeatable=("ANALYZE",)),
    Case("drop_statistics", "DROP STATISTICS items_dep", STATISTICS, "", gone="STATISTICS public.items_dep",
         repeatable=("ANALYZE",)),
    Case("table_options", "ALTER TABLE items SET (autovacuum_vacuum_scale_factor = 0.02, fillfactor = 90)", OPTIONS,
         "fillfactor=90"),
    Case("system_setting", "ALTER SYSTEM SET random_page_cost = 1.7", SYSTEM, "1.7", repeatable=("SELECT",)),
    Case("database_setting", "ALTER DATABASE {database} SET work_mem = '17MB'", SCOPED, "work_mem=17MB"),
    Case("role_setting", "ALTER ROLE killed_role IN DATABASE {database} SET work_mem = '18MB'", SCOPED,
         "work_mem=18MB"),
)  # fmt: skip
