-- Tables with more than twice the dead rows at which autovacuum comes by the server's settings, and the largest table.
WITH t AS MATERIALIZED (
    SELECT c.oid, c.relname, n.nspname, c.reltuples,
           pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead,
           pg_catalog.pg_stat_get_live_tuples(c.oid) AS live,
           pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8
               + pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8
               * GREATEST(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid), 0) AS threshold,
           c.relpages::int8 + COALESCE((
               SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index AS i
               JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid
           ), 0)::int8 AS pages
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm')
      AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND NOT COALESCE(c.reloptions::text[] && ARRAY['autovacuum_enabled=false', 'autovacuum_enabled=off'], false)
    ORDER BY c.relpages DESC, c.oid
    LIMIT 2000
)
SELECT t.nspname::text AS schema, t.relname::text AS name, t.dead::int8 AS dead, t.live::int8 AS live, t.threshold,
       pg_catalog.pg_stat_get_blocks_fetched(t.oid)::int8 AS blocks,
       (SELECT pg_catalog.max(o.pages) FROM t AS o)::int8 AS largest_pages,
       (t.dead > 2 * t.threshold AND t.dead >= 10000) AS overdue
FROM t
ORDER BY overdue DESC, t.dead DESC, t.oid
LIMIT 100
