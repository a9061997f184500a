SELECT extract(epoch FROM pg_postmaster_start_time())::float8 AS at,
       extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS seconds_ago
