-- Where pg_stat_statements is installed, where this role may use it and the server has loaded its library: else its
-- function raises an error. shared_preload_libraries itself is hidden from most roles.
SELECT pg_catalog.quote_ident(n.nspname) AS schema
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND EXISTS (SELECT FROM pg_catalog.pg_settings AS s WHERE s.name = 'pg_stat_statements.max')
