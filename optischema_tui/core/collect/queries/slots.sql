-- Replication slots, those that hold back the most WAL first.
SELECT pg_catalog.count(*) OVER ()::int8 AS in_all,
       {columns}
FROM (
    SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
    OFFSET 0
) AS h
CROSS JOIN pg_catalog.pg_replication_slots AS s
-- if pg_stat_replication_slots
LEFT JOIN pg_catalog.pg_stat_replication_slots AS t ON t.slot_name = s.slot_name
-- end
ORDER BY s.restart_lsn, s.slot_name
LIMIT 200
