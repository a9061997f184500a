-- {timeline} and {crashed} are the queries of this name that the server answers.
SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) AS server_clock,
       pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) AS postmaster_start,
       pg_catalog.current_setting('max_connections')::int4 AS max_connections,
       ({timeline})::int4 AS timeline,
       ({crashed})::float8 AS crashed_at
