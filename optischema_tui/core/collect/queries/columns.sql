-- One row for each view of statistics that this role may read, and one for the functions behind them ("pg_proc").
SELECT c.relname::text AS relation,
       pg_catalog.array_agg(a.attname::text) AS columns
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace
  AND c.relkind = 'v'
  AND (
      c.relname LIKE 'pg\_stat\_%' OR c.relname IN ('pg_locks', 'pg_prepared_xacts', 'pg_replication_slots', 'pg_settings')
  )
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
GROUP BY c.relname
UNION ALL
SELECT 'pg_proc', pg_catalog.array_agg(DISTINCT p.proname::text)
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
  AND p.proname LIKE 'pg\_stat\_get\_%'
  AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
