-- The session that an intent names, if it is still there: a process number alone may be another's by now.
SELECT pid, coalesce(application_name, '') AS application_name, coalesce(usename::text, '') AS role,
       coalesce(host(client_addr), 'local') AS client, coalesce(state, '') AS state,
       extract(epoch FROM backend_start)::text AS backend_start
FROM pg_stat_activity
WHERE pid = %(pid)s AND extract(epoch FROM backend_start)::text = %(started)s AND pid <> pg_backend_pid()
