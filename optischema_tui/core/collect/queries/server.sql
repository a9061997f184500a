SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8 AS server_clock,
       extract(epoch FROM pg_catalog.pg_postmaster_start_time())::float8 AS postmaster_start,
       pg_catalog.current_setting('max_connections')::int4 AS max_connections
