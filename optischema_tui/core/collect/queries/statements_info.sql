SELECT dealloc::int8 AS dealloc, pg_catalog.date_part('epoch', stats_reset) AS stats_reset
FROM {schema}.pg_stat_statements_info()
