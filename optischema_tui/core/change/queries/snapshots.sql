-- A build waits for every snapshot of this database that is older than its scan, whatever table it reads.
SELECT pid, coalesce(usename::text, '') AS role, coalesce(application_name, '') AS application_name,
       coalesce(state, '') AS state, coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::int AS seconds
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND xact_start < clock_timestamp() - interval '2 seconds'
ORDER BY xact_start
LIMIT 5
