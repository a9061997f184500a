SELECT pg_catalog.current_setting('server_version')::text AS server_version,
       pg_catalog.current_setting('server_version_num')::int4 AS version_num,
       CURRENT_USER::text AS role,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER) AS superuser,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.current_setting('track_io_timing') = 'on' AS track_io_timing,
       -- The setting exists only where the library was loaded at server start.
       EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max') AS preloaded,
       pg_catalog.pg_has_role(CURRENT_USER, 'pg_read_all_stats', 'USAGE') AS read_all_stats,
       pg_catalog.has_table_privilege('pg_catalog.pg_statistic', 'SELECT') AS read_pg_statistic,
       pg_catalog.has_table_privilege('pg_catalog.pg_statistic_ext_data', 'SELECT') AS read_pg_statistic_ext
