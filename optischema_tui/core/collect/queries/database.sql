SELECT xact_commit, xact_rollback, blks_read, blks_hit, temp_files, temp_bytes, deadlocks
FROM pg_catalog.pg_stat_database
WHERE datname = pg_catalog.current_database()
