-- Who keeps vacuum from removing dead rows of this database's tables, the oldest first. A slot with catalog_xmin alone
-- keeps those of the catalog only, and is named for these.
SELECT held.what, held.name, held.role, held.state, held.pid, held.xids, held.seconds, held.queryid
FROM (
    SELECT CASE WHEN a.backend_type = 'walsender' THEN 'standby' ELSE 'session' END AS what,
           coalesce(a.application_name, '')::text AS name,
           coalesce(a.usename, '')::text AS role,
           coalesce(a.state, '')::text AS state,
           a.pid::int8 AS pid,
           greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid))::int8 AS xids,
           pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)::float8 AS seconds,
           (pg_catalog.to_jsonb(a) ->> 'query_id')::int8 AS queryid
    FROM pg_catalog.pg_stat_activity AS a
    WHERE (a.datname = pg_catalog.current_database() OR a.backend_type = 'walsender')
      AND a.pid <> pg_catalog.pg_backend_pid()
      AND a.backend_type <> 'autovacuum worker'
    UNION ALL
    SELECT CASE WHEN s.xmin IS NULL THEN 'slot for the catalog' ELSE 'slot' END,
           s.slot_name::text,
           '',
           CASE WHEN s.active THEN 'active' ELSE 'inactive' END,
           s.active_pid::int8,
           pg_catalog.age(coalesce(s.xmin, s.catalog_xmin))::int8,
           NULL,
           NULL
    FROM pg_catalog.pg_replication_slots AS s
    UNION ALL
    SELECT 'prepared transaction',
           p.gid,
           p.owner::text,
           'prepared',
           NULL,
           pg_catalog.age(p.transaction)::int8,
           pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared)::float8,
           NULL
    FROM pg_catalog.pg_prepared_xacts AS p
    WHERE p.database = pg_catalog.current_database()
) AS held
WHERE held.xids IS NOT NULL
ORDER BY held.xids DESC, held.what, held.name, held.pid
LIMIT 50
