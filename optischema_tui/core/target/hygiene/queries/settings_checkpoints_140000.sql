SELECT b.checkpoints_timed::float8 AS timed, b.checkpoints_req::float8 AS requested,
       b.checkpoint_write_time::float8 AS write_ms, b.checkpoint_sync_time::float8 AS sync_ms,
       w.wal_bytes::float8 AS wal_bytes, w.wal_fpi::float8 AS wal_fpi,
       pg_catalog.date_part('epoch', b.stats_reset)::float8 AS reset,
       pg_catalog.date_part('epoch', w.stats_reset)::float8 AS wal_reset
FROM pg_catalog.pg_stat_bgwriter AS b, pg_catalog.pg_stat_wal AS w
