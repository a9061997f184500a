-- Who else may read this database's indexes: standbys that are connected, by the name they give, and physical slots that
-- wait for one. A receiver of files only, and a logical subscriber, reads none.
SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,
       extract(epoch FROM pg_catalog.pg_postmaster_start_time())::float8 AS started,
       ARRAY(SELECT coalesce(nullif(r.application_name, ''), 'pid ' || r.pid)
             FROM pg_catalog.pg_stat_replication AS r
             WHERE r.application_name NOT IN ('pg_receivewal', 'pg_basebackup')
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s
                               WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
             UNION ALL
             SELECT s.slot_name::text
             FROM pg_catalog.pg_replication_slots AS s
             WHERE s.slot_type = 'physical' AND s.active_pid IS NULL
             ORDER BY 1)::text[] AS standbys,
       ARRAY(SELECT r.application_name
             FROM pg_catalog.pg_stat_replication AS r
             WHERE r.application_name IN ('pg_receivewal', 'pg_basebackup')
                OR EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s
                           WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
             ORDER BY 1)::text[] AS others
