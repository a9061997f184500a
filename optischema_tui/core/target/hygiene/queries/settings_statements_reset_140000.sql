-- When the counters of statements began; {schema} is filled in.
SELECT pg_catalog.date_part('epoch', i.stats_reset)::float8 AS reset
FROM {schema}.pg_stat_statements_info() AS i
