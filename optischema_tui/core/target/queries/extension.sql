SELECT n.nspname::text AS schema,
       e.extversion::text AS version,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AS may_call,
       EXISTS (
           SELECT FROM pg_catalog.pg_proc i WHERE i.pronamespace = n.oid AND i.proname = 'pg_stat_statements_info'
       ) AS has_info,
       (SELECT pg_catalog.string_agg(a.name, ',') FROM pg_catalog.unnest(p.proargnames) AS a (name)) AS columns
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = 'pg_stat_statements'
WHERE e.extname = 'pg_stat_statements'
