-- One row: what the planner must know of the server and the database.
SELECT current_setting('server_version_num')::int AS version_num,
       current_setting('server_version') AS version,
       d.datname::text AS database,
       pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS collate,
       d.datctype::text AS ctype,
       coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS provider,
       current_setting('block_size')::int AS block_size,
       current_schemas(false)::text[] AS search_path,
       has_table_privilege('pg_catalog.pg_statistic', 'SELECT') AS statistics_readable,
       has_table_privilege('pg_catalog.pg_statistic_ext_data', 'SELECT') AS extended_readable,
       current_user::text AS role
FROM pg_database d
WHERE d.datname = current_database()
