-- What the session that carries a change out does now. A drop shows no progress, only whom it waits for.
SELECT coalesce(p.phase, v.phase, z.phase, '') AS phase,
       coalesce(p.lockers_done, 0) AS lockers_done, coalesce(p.lockers_total, 0) AS lockers_total,
       coalesce(p.tuples_done, 0) AS tuples_done, coalesce(p.tuples_total, 0) AS tuples_total,
       coalesce(p.blocks_done, CASE v.phase WHEN 'scanning heap' THEN v.heap_blks_scanned
                                            WHEN 'vacuuming heap' THEN v.heap_blks_vacuumed END,
                CASE WHEN z.phase LIKE 'acquiring%%' THEN z.sample_blks_scanned END, 0) AS blocks_done,
       coalesce(p.blocks_total, CASE WHEN v.phase IN ('scanning heap', 'vacuuming heap') THEN v.heap_blks_total END,
                CASE WHEN z.phase LIKE 'acquiring%%' THEN z.sample_blks_total END, 0) AS blocks_total,
       coalesce(nullif(p.current_locker_pid, 0)::int, (pg_blocking_pids(a.pid))[1], 0) AS blocker_pid,
       coalesce(a.state, '') AS state, coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0)::float8 AS seconds
FROM pg_stat_activity a
LEFT JOIN pg_stat_progress_create_index p ON p.pid = a.pid
LEFT JOIN pg_stat_progress_vacuum v ON v.pid = a.pid
LEFT JOIN pg_stat_progress_analyze z ON z.pid = a.pid
WHERE a.pid = %(pid)s
