SELECT pg_catalog.current_setting('server_version_num')::int4 AS version_num,
       d.oid::int8 AS database_oid,
       d.datname::text AS database,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may_read
FROM pg_catalog.pg_database d
WHERE d.datname = pg_catalog.current_database()
