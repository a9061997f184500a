-- Each standby or other receiver of this server's WAL, what a standby itself receives, and logical subscriptions.
SELECT pg_catalog.count(*) OVER ()::int8 AS in_all,
       {columns}
FROM (
    SELECT p.in_recovery,
           CASE WHEN p.in_recovery THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn()
           END AS lsn,
           CASE WHEN p.in_recovery THEN pg_catalog.pg_last_wal_replay_lsn() END AS replayed,
           pg_catalog.clock_timestamp() AS now
    FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) AS p
    OFFSET 0
) AS h
CROSS JOIN LATERAL (
    SELECT NULL::text AS what, NULL::int8 AS pid, NULL::text AS name, NULL::text AS role, NULL::text AS client,
           NULL::text AS state, NULL::text AS sync_state, NULL::int8 AS sent_bytes, NULL::int8 AS write_bytes,
           NULL::int8 AS flush_bytes, NULL::int8 AS replay_bytes, NULL::interval AS write_lag,
           NULL::interval AS flush_lag, NULL::interval AS replay_lag, NULL::interval AS silent
    WHERE false
-- if pg_stat_replication
    UNION ALL
    SELECT 'sender', s.pid, s.application_name::text, s.usename::text, pg_catalog.host(s.client_addr), s.state,
           s.sync_state, pg_catalog.pg_wal_lsn_diff(h.lsn, s.sent_lsn)::int8,
           pg_catalog.pg_wal_lsn_diff(h.lsn, s.write_lsn)::int8, pg_catalog.pg_wal_lsn_diff(h.lsn, s.flush_lsn)::int8,
           pg_catalog.pg_wal_lsn_diff(h.lsn, s.replay_lsn)::int8, s.write_lag, s.flush_lag, s.replay_lag,
           h.now - s.reply_time
    FROM pg_catalog.pg_stat_replication AS s
-- end
-- if pg_stat_wal_receiver
    UNION ALL
    SELECT 'receiver', r.pid, r.slot_name::text, NULL, r.sender_host, r.status, NULL,
           pg_catalog.pg_wal_lsn_diff(r.latest_end_lsn, h.lsn)::int8, NULL, NULL,
           pg_catalog.pg_wal_lsn_diff(h.lsn, h.replayed)::int8, NULL, NULL,
           CASE WHEN h.lsn = h.replayed THEN '0'::interval
                ELSE h.now - pg_catalog.pg_last_xact_replay_timestamp() END,
           h.now - r.last_msg_receipt_time
    FROM pg_catalog.pg_stat_wal_receiver AS r
-- end
-- if pg_stat_subscription
    UNION ALL
    SELECT 'subscription', b.pid, b.subname::text, NULL, NULL,
           CASE WHEN b.pid IS NULL THEN 'stopped' WHEN b.relid IS NULL THEN 'applying' ELSE 'copying' END, NULL,
           NULL, NULL, NULL, pg_catalog.pg_wal_lsn_diff(b.received_lsn, b.latest_end_lsn)::int8, NULL, NULL, NULL,
           h.now - b.last_msg_receipt_time
    FROM pg_catalog.pg_stat_subscription AS b
-- end
) AS r
ORDER BY r.replay_bytes DESC NULLS LAST, r.pid
LIMIT 200
