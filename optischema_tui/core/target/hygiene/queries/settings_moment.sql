-- Who asks where and when, and what this role may see of files and sizes.
SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::float8 AS now,
       pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::float8 AS started,
       pg_catalog.current_database()::text AS database,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
           AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS sees_files
