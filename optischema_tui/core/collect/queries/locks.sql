-- Who waits for whom: a row for each pair. The locks, of which there may be thousands, are read once, and not at all
-- while nobody is seen to wait for one.
WITH every AS MATERIALIZED (
    SELECT l.*
    FROM pg_catalog.pg_locks AS l
    WHERE EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.wait_event_type = 'Lock')
       OR NOT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
),
waiting AS MATERIALIZED (
    SELECT l.*, pg_catalog.count(*) OVER () AS waiters
    FROM every AS l
    WHERE NOT l.granted AND l.pid <> pg_catalog.pg_backend_pid()
-- if pg_locks.waitstart
    ORDER BY l.waitstart NULLS LAST
-- end
    LIMIT 100
),
pairs AS MATERIALIZED (
    SELECT l.*, b.pid AS blocker
    FROM waiting AS l
    CROSS JOIN LATERAL (
        SELECT DISTINCT u.pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS u (pid)
    ) AS b
)
SELECT DISTINCT ON (l.pid, l.blocker)
       (SELECT pg_catalog.count(*) FROM pairs) + greatest(l.waiters - 100, 0) AS in_all,
       {columns}
FROM pairs AS l
LEFT JOIN every AS h
  ON coalesce(h.pid, 0) = l.blocker
 AND h.locktype = l.locktype
 AND (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
     IS NOT DISTINCT FROM
     (l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid)
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = l.database
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY l.pid, l.blocker, h.granted DESC NULLS LAST, h.mode
LIMIT 200
