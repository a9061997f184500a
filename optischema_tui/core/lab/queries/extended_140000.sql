SELECT s.oid, n.nspname::text AS schema, s.stxname::text AS name, s.stxrelid AS relation,
       pg_get_statisticsobjdef(s.oid) AS definition, coalesce(pg_get_statisticsobjdef_expressions(s.oid), '{}') AS expressions
FROM pg_statistic_ext s
JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY s.oid
