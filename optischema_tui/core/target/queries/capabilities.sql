SELECT pg_catalog.current_setting('server_version')::text AS server_version,
       pg_catalog.current_setting('server_version_num')::int4 AS version_num,
       CURRENT_USER::text AS role,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER) AS superuser,
       (SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = SESSION_USER)::int4 AS connection_limit,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       -- Its settings exist only where the library was loaded at server start.
       pg_catalog.jsonb_exists(s.settings, 'pg_stat_statements.max') AS preloaded,
       s.settings::text AS settings,
       pg_catalog.pg_has_role(CURRENT_USER, 'pg_read_all_stats', 'USAGE') AS read_all_stats,
       pg_catalog.pg_has_role(CURRENT_USER, 'pg_read_all_settings', 'USAGE') AS read_all_settings,
       pg_catalog.pg_has_role(CURRENT_USER, 'pg_signal_backend', 'USAGE') AS may_signal,
       pg_catalog.has_table_privilege('pg_catalog.pg_statistic', 'SELECT') AS read_pg_statistic,
       pg_catalog.has_table_privilege('pg_catalog.pg_statistic_ext_data', 'SELECT') AS read_pg_statistic_ext,
       pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
           AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS read_config_files,
       pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') AS may_reload,
       pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text, boolean)', 'EXECUTE') AS may_stat_files,
       pg_catalog.inet_client_addr() IS NULL AS by_socket,
       (SELECT t.version::text FROM pg_catalog.pg_stat_ssl t WHERE t.pid = pg_catalog.pg_backend_pid() AND t.ssl) AS tls
FROM (
    SELECT pg_catalog.jsonb_object_agg(name, setting) AS settings
    FROM pg_catalog.pg_settings
    WHERE name IN (
        'allow_alter_system', 'compute_query_id', 'max_connections', 'pg_stat_statements.max',
        'pg_stat_statements.save', 'pg_stat_statements.track', 'pg_stat_statements.track_planning', 'track_activities',
        'track_activity_query_size', 'track_counts', 'track_io_timing', 'track_wal_io_timing'
    )
) AS s
