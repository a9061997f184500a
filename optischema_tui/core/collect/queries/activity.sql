-- $1 process ids to leave out: our own. $2 how many sessions are listed at most, the blocked and the oldest first.
-- $3 bytes of a query text.
-- The first row has the counts, in blocked_by: client backends, idle ones, those whose state is hidden from this role
-- (their kind is hidden then, too), sessions that would be listed, and of the client backends those active, in an open
-- transaction, and waiting for a lock.
-- The view's function is asked and not the view, whose joins would cost more than it does; text goes as bytes, since
-- that of another database's session has that database's encoding.
WITH s AS MATERIALIZED (
    SELECT pid, datid, usesysid, application_name, state, query, wait_event_type, wait_event, xact_start, query_start,
           state_change, client_addr, backend_type, {queryid} AS queryid,
           backend_type = 'client backend' AS client,
           backend_type IS NULL AND state IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL AS hidden
    FROM pg_catalog.pg_stat_get_activity(NULL)
    WHERE pid <> ALL ($1::int4[])
),
listed AS (
    SELECT * FROM s
    WHERE state <> 'idle'
    ORDER BY (wait_event_type = 'Lock') DESC NULLS LAST, xact_start NULLS LAST, query_start
    LIMIT $2::int4
)
SELECT NULL::int4 AS pid, NULL::text AS backend_type, NULL::text AS database, NULL::text AS encoding,
       NULL::text AS role, NULL::text AS application, NULL::text AS client, NULL::text AS state,
       NULL::text AS wait_type, NULL::text AS wait_event, NULL::int8 AS queryid, NULL::bytea AS query,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) AS xact_seconds, NULL::float8 AS query_seconds,
       ARRAY[
           pg_catalog.count(*) FILTER (WHERE client OR hidden),
           pg_catalog.count(*) FILTER (WHERE client AND state = 'idle'),
           pg_catalog.count(*) FILTER (WHERE hidden),
           pg_catalog.count(*) FILTER (WHERE state <> 'idle'),
           pg_catalog.count(*) FILTER (WHERE client AND state = 'active'),
           pg_catalog.count(*) FILTER (WHERE client AND state LIKE 'idle in transaction%'),
           pg_catalog.count(*) FILTER (WHERE client AND state = 'active' AND wait_event_type = 'Lock')
       ]::int4[] AS blocked_by
FROM s
UNION ALL
SELECT l.pid, l.backend_type, d.datname::text, pg_catalog.pg_encoding_to_char(d.encoding)::text,
       CASE WHEN l.usesysid IS NOT NULL THEN pg_catalog.pg_get_userbyid(l.usesysid)::text END, l.application_name,
       pg_catalog.host(l.client_addr), l.state, l.wait_event_type, l.wait_event, l.queryid,
       pg_catalog.substr(pg_catalog.textsend(l.query), 1, $3::int4),
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - l.xact_start),
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
           - CASE WHEN l.state = 'active' THEN l.query_start ELSE l.state_change END),
       CASE WHEN l.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(l.pid) END
FROM listed l
LEFT JOIN pg_catalog.pg_database d ON d.oid = l.datid
