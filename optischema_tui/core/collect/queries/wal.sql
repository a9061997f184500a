-- Until 17 pg_stat_wal counts writes and syncs, from 18 on pg_stat_io.
SELECT 1::int8 AS in_all,
       {columns}
FROM (
    SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,
           CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
) AS p
-- if pg_stat_wal
LEFT JOIN pg_catalog.pg_stat_wal AS w ON true
-- end
-- if pg_stat_io and not pg_stat_wal.wal_write
LEFT JOIN (
    SELECT pg_catalog.sum(writes) AS writes,
           pg_catalog.sum(write_time) AS write_time,
           pg_catalog.sum(fsyncs) AS fsyncs,
           pg_catalog.sum(fsync_time) AS fsync_time,
           pg_catalog.max(stats_reset) AS stats_reset
    FROM pg_catalog.pg_stat_io
    WHERE object = 'wal'
) AS i ON true
-- end
-- if pg_stat_io and pg_stat_wal.wal_write
LEFT JOIN (SELECT NULL::timestamptz AS stats_reset) AS i ON true
-- end
