-- The tables that hold the rows of one table, and whether this role may read them all.
WITH RECURSIVE parts AS (
    SELECT c.oid, c.relkind, c.relpages, c.reltuples
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND c.relkind IN ('r', 'p', 'm')
    UNION ALL
    SELECT c.oid, c.relkind, c.relpages, c.reltuples
    FROM parts p
    JOIN pg_inherits i ON i.inhparent = p.oid AND p.relkind = 'p'
    JOIN pg_class c ON c.oid = i.inhrelid
), top AS (
    SELECT c.oid, c.relkind::text AS kind,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
           AND NOT row_security_active(c.oid) AS readable
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND c.relkind IN ('r', 'p', 'm')
)
SELECT top.kind, top.readable,
       (SELECT coalesce(sum(pg_relation_size(p.oid)), 0)::float8 / current_setting('block_size')::int
        FROM parts p WHERE p.relkind IN ('r', 'm')) AS pages,
       (SELECT coalesce(sum(p.reltuples), 0)::float8 / nullif(sum(p.relpages), 0)
        FROM parts p WHERE p.relkind IN ('r', 'm') AND p.reltuples >= 0) AS density
FROM top
