-- What keeps VACUUM from removing dead rows of this database's tables: whatever may still see them.
SELECT held.what, held.name, held.xids, held.seconds FROM (
    SELECT CASE WHEN backend_type = 'walsender' THEN 'the feedback of standby' ELSE 'process' END AS what,
           pid || ' (' || coalesce(nullif(application_name, ''), 'unnamed') || ', ' || coalesce(state, 'hidden') || ')' AS name,
           greatest(age(backend_xmin), age(backend_xid)) AS xids,
           coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::int AS seconds
    FROM pg_stat_activity
    WHERE (datname = current_database() OR backend_type = 'walsender') AND pid <> pg_backend_pid()
      AND backend_type <> 'autovacuum worker'
    UNION ALL
    SELECT 'the replication slot', slot_name::text, age(xmin), 0 FROM pg_replication_slots WHERE xmin IS NOT NULL
    UNION ALL
    SELECT 'the prepared transaction', gid, age(transaction), extract(epoch FROM clock_timestamp() - prepared)::int
    FROM pg_prepared_xacts WHERE database = current_database()) AS held
WHERE held.xids >= %(xids)s OR (held.xids IS NOT NULL AND held.seconds >= %(seconds)s)
ORDER BY held.xids DESC, 1, 2
LIMIT 5
