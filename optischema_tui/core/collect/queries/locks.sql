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
)
SELECT pg_catalog.count(*) OVER ()::int8 + greatest(l.waiters - 100, 0) AS in_all,
       {columns}
FROM waiting AS l
CROSS JOIN LATERAL (
    SELECT DISTINCT u.pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) AS u (pid)
) AS b
LEFT JOIN LATERAL (
    SELECT e.mode, e.granted
    FROM every AS e
    WHERE e.pid IS NOT DISTINCT FROM nullif(b.pid, 0)
      AND e.locktype = l.locktype
      AND (e.database, e.relation, e.page, e.tuple, e.virtualxid)
          IS NOT DISTINCT FROM (l.database, l.relation, l.page, l.tuple, l.virtualxid)
      AND (e.transactionid, e.classid, e.objid, e.objsubid)
          IS NOT DISTINCT FROM (l.transactionid, l.classid, l.objid, l.objsubid)
    ORDER BY e.granted DESC, e.mode
    LIMIT 1
) AS h ON true
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = l.database
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LIMIT 200
