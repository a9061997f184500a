SELECT size::int8 AS bytes FROM pg_catalog.pg_stat_file('pg_stat_tmp/pgss_query_texts.stat', true)
