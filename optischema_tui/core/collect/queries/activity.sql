-- Without pg_read_all_stats the state of other roles' sessions is NULL: they count in the total only.
SELECT pg_catalog.count(*) FILTER (WHERE state = 'active')::int4 AS active,
       pg_catalog.count(*) FILTER (WHERE state = 'idle')::int4 AS idle,
       pg_catalog.count(*) FILTER (WHERE state LIKE 'idle in transaction%')::int4 AS idle_in_transaction,
       pg_catalog.count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock')::int4 AS waiting,
       pg_catalog.count(*)::int4 AS total
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
