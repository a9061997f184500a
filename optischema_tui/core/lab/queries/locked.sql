-- Who keeps the reader out, and from which tables.
SELECT DISTINCT l.relation::regclass::text AS relation, l.pid
FROM pg_locks l
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND l.relation::regclass::text NOT LIKE 'pg\_toast.%'
ORDER BY 1, 2
