-- Client sessions that are idle in a transaction, with those that wait for them, and autovacuum's workers.
WITH waiting AS MATERIALIZED (
    SELECT a.pid, pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) AS blocker,
           pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.query_start)::float8 AS seconds
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.wait_event_type = 'Lock'
    LIMIT 200
)
SELECT a.backend_type = 'autovacuum worker' AS vacuum,
       COALESCE(a.wait_event = 'VacuumDelay', false) AS delayed,
       COALESCE(a.usename, '')::text AS role, COALESCE(a.datname, '')::text AS database,
       COALESCE(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change), 0)::float8 AS seconds,
       (SELECT pg_catalog.count(DISTINCT w.pid) FROM waiting AS w WHERE w.blocker = a.pid) AS blocked,
       (SELECT COALESCE(pg_catalog.sum(w.seconds), 0) FROM waiting AS w WHERE w.blocker = a.pid)::float8 AS blocked_seconds
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid <> pg_catalog.pg_backend_pid()
  AND (a.backend_type = 'autovacuum worker'
       OR (a.backend_type = 'client backend' AND a.state LIKE 'idle in transaction%'))
ORDER BY seconds DESC, a.pid
LIMIT 200
