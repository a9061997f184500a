SELECT dealloc::int8 AS dealloc, extract(epoch FROM stats_reset)::float8 AS stats_reset
FROM {schema}.pg_stat_statements_info()
