-- Of many statements the heaviest ($3 ms in total, or named in $4) and one stratum ($1 their number less 1, a power of 2
-- less 1; $2 this one), and the sums over all of them, in one pass: the view's function costs the most, and it builds
-- all its rows whatever is asked of it. Two passes, or a common table expression of all rows, cost twice as much.
SELECT found.*,
       whole.statements, whole.calls, whole.exec_time, whole.here_calls, whole.here_exec_time, whole.unreadable
FROM (
    SELECT pg_catalog.count(*)::int8 AS statements,
           pg_catalog.sum(s.calls)::int8 AS calls,
           pg_catalog.sum(s.{time}) FILTER (WHERE {toplevel})::float8 AS exec_time,
           pg_catalog.sum(s.calls) FILTER (WHERE {toplevel} AND s.dbid = $5::oid)::int8 AS here_calls,
           pg_catalog.sum(s.{time}) FILTER (WHERE {toplevel} AND s.dbid = $5::oid)::float8 AS here_exec_time,
           pg_catalog.count(*) FILTER (WHERE s.queryid IS NULL)::int8 AS unreadable,
           pg_catalog.array_agg(ROW({columns})) FILTER (
               WHERE s.queryid & $1::int8 = $2::int8
                  OR s.{time} >= $3::float8 AND s.queryid IS NOT NULL
                  OR s.queryid IN (SELECT pg_catalog.unnest($4::int8[]))
           ) AS some
    FROM {schema}.pg_stat_statements(false) AS s
) AS whole
LEFT JOIN LATERAL pg_catalog.unnest(whole.some) AS found ({names}) ON true
