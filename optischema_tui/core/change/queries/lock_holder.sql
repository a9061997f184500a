-- Another session that has the lock of this key: in this database, or, of what belongs to the whole cluster, in any.
SELECT l.pid, coalesce(a.application_name, '') AS application_name, coalesce(a.usename::text, '') AS role,
       coalesce(host(a.client_addr), 'local') AS client, coalesce(a.state, '') AS state,
       coalesce(extract(epoch FROM a.backend_start)::text, '') AS backend_start
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = 1330860097
  AND l.objid::bigint = (hashtext(%(key)s)::bigint & 4294967295) AND l.pid <> pg_backend_pid()
  AND (%(anywhere)s OR l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY l.pid
LIMIT 1
