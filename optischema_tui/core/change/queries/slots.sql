SELECT slot_name::text AS slot, coalesce(wal_status, '') AS wal_status,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint AS lag_bytes
FROM pg_replication_slots WHERE restart_lsn IS NOT NULL
ORDER BY lag_bytes DESC
LIMIT 5
