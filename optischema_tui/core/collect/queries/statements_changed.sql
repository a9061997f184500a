-- The statements whose signature is not among $1, and the sums over all of them, in one pass. Most statements of a server
-- rest between two ticks: sending them costs more than all the rest. {signature} is a hash of what every call changes.
SELECT found.*,
       whole.statements, whole.calls, whole.exec_time, whole.here_calls, whole.here_exec_time, whole.unreadable
FROM (
    SELECT pg_catalog.count(*)::int8 AS statements,
           pg_catalog.sum(s.calls)::int8 AS calls,
           pg_catalog.sum(s.{time}) FILTER (WHERE {toplevel})::float8 AS exec_time,
           pg_catalog.sum(s.calls) FILTER (WHERE {toplevel} AND s.dbid = $2::oid)::int8 AS here_calls,
           pg_catalog.sum(s.{time}) FILTER (WHERE {toplevel} AND s.dbid = $2::oid)::float8 AS here_exec_time,
           pg_catalog.count(*) FILTER (WHERE s.queryid IS NULL)::int8 AS unreadable,
           pg_catalog.array_agg(ROW({columns}, {signature})) FILTER (
               WHERE {signature} NOT IN (SELECT pg_catalog.unnest($1::int8[]))
           ) AS some
    FROM {schema}.pg_stat_statements(false) AS s
) AS whole
LEFT JOIN LATERAL pg_catalog.unnest(whole.some) AS found ({names}) ON true
