-- The statements with most time or temporary blocks; {schema} is filled in. Counters have other names in other versions
-- of the extension, and some are not there: as JSON each is asked for by all its names. Nested ones are left out, for
-- their callers' figures hold theirs, and so are our own.
SELECT s.queryid, s.userid::int8 AS userid, s.dbid::int8 AS dbid,
       COALESCE(r.rolname, '')::text AS role, COALESCE(d.datname, '')::text AS database,
       s.calls, s.total_exec_time::float8 AS exec_ms, s.max_exec_time::float8 AS max_ms, s.rows,
       s.shared_blks_hit + s.shared_blks_read AS shared_blks, s.shared_blks_read AS blks_read,
       s.temp_blks_written AS temp_blks,
       COALESCE((j.j ->> 'temp_blk_read_time')::float8 + (j.j ->> 'temp_blk_write_time')::float8, 0) AS temp_ms,
       COALESCE((j.j ->> 'jit_generation_time')::float8 + (j.j ->> 'jit_inlining_time')::float8
           + (j.j ->> 'jit_optimization_time')::float8 + (j.j ->> 'jit_emission_time')::float8, 0) AS jit_ms,
       COALESCE((j.j ->> 'parallel_workers_to_launch')::int8, 0) AS workers_planned,
       COALESCE((j.j ->> 'parallel_workers_launched')::int8, 0) AS workers_launched,
       pg_catalog.left(s.query, 2000) AS text
FROM (
    SELECT *
    FROM {schema}.pg_stat_statements(true) AS p
    WHERE p.queryid IS NOT NULL
      AND p.calls > 0
      AND p.query NOT LIKE '%/* optischema-tui */%'
    ORDER BY p.total_exec_time + p.temp_blks_written * 0.02 DESC, p.queryid
    LIMIT 200
) AS s
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(s) - 'query' AS j) AS j
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
WHERE COALESCE((j.j ->> 'toplevel')::bool, true)
ORDER BY s.total_exec_time DESC, s.queryid
