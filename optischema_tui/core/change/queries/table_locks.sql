-- Transactions of other sessions that have held the table in one of these modes for so many seconds.
SELECT l.pid, l.mode, coalesce(a.usename::text, '') AS role, coalesce(a.application_name, '') AS application_name,
       coalesce(a.backend_type, '') AS backend_type, coalesce(a.query, '') LIKE '%%(to prevent wraparound)%%' AS wraparound,
       coalesce(a.state, '') AS state, coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::int AS seconds
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS NOT NULL AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.relation = %(relation)s::bigint::oid AND l.mode = ANY (%(modes)s::text[])
  AND (a.xact_start IS NULL OR a.xact_start <= clock_timestamp() - make_interval(secs => %(seconds)s))
ORDER BY a.xact_start NULLS LAST
LIMIT 5
