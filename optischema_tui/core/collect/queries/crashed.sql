-- A crash throws these counters away and moves their reset time; so does pg_stat_reset_shared(), and is taken for one.
SELECT pg_catalog.date_part('epoch', pg_catalog.pg_stat_get_bgwriter_stat_reset_time())
