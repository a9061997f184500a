-- How often this server has scanned the index since its counters began, which a crash restarts too.
SELECT coalesce(s.idx_scan, 0)::bigint AS scans, ''::text AS last_scan,
       to_char(greatest(d.stats_reset, (SELECT stats_reset FROM pg_stat_bgwriter)), 'YYYY-MM-DD') AS since
FROM pg_stat_database d LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = %(index)s::bigint::oid
WHERE d.datname = current_database()
