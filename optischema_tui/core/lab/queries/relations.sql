-- Tables, partitions, views, materialized views, composite types, foreign tables, sequences and indexes.
-- The sequence of an identity column comes with its column.
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       coalesce(c.reloptions, '{}')::text[] AS options,
       c.relpages AS pages, c.reltuples AS rows, c.relallvisible AS all_visible,
       c.relrowsecurity AS row_security,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) ELSE '' END AS partition_key,
       CASE WHEN c.relispartition THEN coalesce(pg_get_expr(c.relpartbound, c.oid), '') ELSE '' END AS bound,
       ARRAY(SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents,
       coalesce(pg_stat_get_tuples_inserted(c.oid), 0) AS inserts,
       coalesce(pg_stat_get_tuples_updated(c.oid), 0) AS updates,
       coalesce(pg_stat_get_tuples_hot_updated(c.oid), 0) AS hot_updates,
       coalesce(pg_stat_get_tuples_deleted(c.oid), 0) AS deletes,
       coalesce(pg_stat_get_mod_since_analyze(c.oid), 0) AS modified,
       coalesce(CASE WHEN c.relkind = 'i' THEN pg_stat_get_numscans(c.oid) END, 0) AS scans
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND c.relkind IN ('r', 'p', 'v', 'm', 'c', 'f', 'i', 'I', 'S') AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_depend x
                  WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid AND x.objsubid = 0
                    AND (x.deptype = 'e' OR (x.deptype = 'i' AND c.relkind = 'S')))
ORDER BY c.oid
