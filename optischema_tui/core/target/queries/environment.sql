SELECT pg_catalog.version()::text AS version,
       ARRAY(
           SELECT r.rolname::text FROM pg_catalog.pg_roles r
           WHERE r.rolname IN (
               'alloydbsuperuser', 'avnadmin', 'azure_pg_admin', 'cloudsqlsuperuser', 'crunchy_superuser', 'doadmin',
               'neon_superuser', 'rds_superuser', 'supabase_admin'
           )
       ) AS roles,
       ARRAY(
           SELECT e.extname::text FROM pg_catalog.pg_extension e WHERE e.extname IN ('aiven_extras', 'citus', 'neon', 'timescaledb')
       ) AS extensions,
       EXISTS (
           SELECT FROM pg_catalog.pg_proc p
           WHERE p.proname = 'aurora_version' AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
       ) AS aurora
