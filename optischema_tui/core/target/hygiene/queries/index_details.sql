-- What decides whether an index may go, for each index of the connected database, the heaviest first. By OIDs of operator
-- classes and collations: names do not tell two of them apart.
SELECT x.indexrelid::int8 AS oid,
       n.nspname::text AS schema,
       c.relname::text AS name,
       t.relname::text AS table_name,
       a.amname::text AS method,
       c.relkind = 'I' AS partitioned,
       c.relispartition AS attached,
       ARRAY(SELECT pg_catalog.pg_get_indexdef(x.indexrelid, k, false)
             FROM pg_catalog.generate_series(1, x.indnkeyatts) AS k ORDER BY k) AS keys,
       ARRAY(SELECT pg_catalog.pg_get_indexdef(x.indexrelid, k, false)
             FROM pg_catalog.generate_series(x.indnkeyatts + 1, x.indnatts) AS k ORDER BY k) AS include,
       x.indclass::oid[]::int8[] AS opclasses,
       x.indcollation::oid[]::int8[] AS collations,
       x.indoption::int2[]::int4[] AS options,
       coalesce(pg_catalog.pg_get_expr(x.indpred, x.indrelid), '') AS predicate,
       x.indexprs IS NOT NULL AS expressions,
       x.indisunique AS is_unique,
       x.indisprimary AS is_primary,
       x.indimmediate AS immediate,
       coalesce((pg_catalog.to_jsonb(x) ->> 'indnullsnotdistinct')::bool, false) AS nulls_not_distinct,
       x.indisvalid AND x.indisready AND x.indislive AND NOT x.indcheckxmin AS usable,
       x.indisvalid AS valid,
       x.indislive AS live,
       x.indisreplident AS replica_identity,
       x.indisclustered AS is_clustered,
       coalesce((SELECT k.conname::text FROM pg_catalog.pg_constraint AS k
                 WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x') LIMIT 1), '') AS constraint_name,
       EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
               WHERE k.conindid = x.indexrelid AND k.contype = 'x') AS exclusion,
       coalesce((SELECT k.conname::text FROM pg_catalog.pg_constraint AS k
                 WHERE k.conindid = x.indexrelid AND k.contype = 'f' ORDER BY k.oid LIMIT 1), '') AS referenced_by,
       coalesce((SELECT e.extname::text FROM pg_catalog.pg_depend AS d
                 JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
                 WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid IN (x.indexrelid, x.indrelid)
                   AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass LIMIT 1), '') AS extension,
       EXISTS (SELECT FROM pg_catalog.pg_attribute AS m
               WHERE m.attrelid = x.indexrelid AND coalesce(m.attstattarget, -1) > 0) AS statistics_target,
       coalesce(c.reloptions, '{}')::text[] AS storage,
       c.reltuples::float8 AS reltuples,
       pg_catalog.pg_stat_get_numscans(x.indexrelid)::int8 AS scans,
       coalesce(pg_catalog.pg_stat_get_last_vacuum_time(x.indrelid),
                pg_catalog.pg_stat_get_last_autovacuum_time(x.indrelid)) IS NOT NULL AS vacuumed,
       EXISTS (SELECT FROM pg_catalog.pg_locks AS l
               WHERE l.relation = x.indrelid AND l.mode = 'ShareUpdateExclusiveLock'
                 AND l.database = (SELECT b.oid FROM pg_catalog.pg_database AS b
                                   WHERE b.datname = pg_catalog.current_database())) AS worked_at
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid
JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND t.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't'
ORDER BY c.relpages DESC, x.indexrelid
LIMIT 5000
