-- Bytes on disk of the heaviest tables by pages. To be measured, a table, its TOAST and its indexes are locked in the
-- weakest mode, for which one that is locked exclusively lets wait: those are left unmeasured. A server that looks into
-- the locks last may still wait for one; lock_timeout then ends the query.
WITH held AS MATERIALIZED (
    SELECT l.relation AS oid
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'relation'
      AND l.mode = 'AccessExclusiveLock'
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
),
closed AS MATERIALIZED (
    SELECT oid FROM held
    UNION
    SELECT x.indrelid FROM held JOIN pg_catalog.pg_index AS x ON x.indexrelid = held.oid
),
heaviest AS MATERIALIZED (
    SELECT t.oid,
           n.nspname,
           t.relname,
           t.reltoastrelid,
           pg_catalog.count(*) OVER ()::int8 AS in_all,
           EXISTS (SELECT FROM closed WHERE closed.oid IN (t.oid, t.reltoastrelid)) AS locked
    FROM pg_catalog.pg_class AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    WHERE t.relkind IN ('r', 'm')
      AND t.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY t.relpages DESC, t.oid
    LIMIT 200
)
SELECT c.in_all,
       {columns}
FROM (
    SELECT h.*,
           CASE WHEN NOT h.locked THEN pg_catalog.pg_table_size(h.oid) END AS with_toast,
           CASE WHEN NOT h.locked THEN pg_catalog.pg_indexes_size(h.oid) END AS indexes,
           CASE WHEN NOT h.locked AND h.reltoastrelid <> 0
                THEN pg_catalog.pg_total_relation_size(h.reltoastrelid) ELSE 0 END AS toast
    FROM heaviest AS h
    OFFSET 0
) AS c
