-- What the session that carries a change out does now. A drop shows no progress, only whom it waits for.
SELECT coalesce(p.phase, '') AS phase, coalesce(p.lockers_done, 0) AS lockers_done, coalesce(p.lockers_total, 0) AS lockers_total,
       coalesce(p.tuples_done, 0) AS tuples_done, coalesce(p.tuples_total, 0) AS tuples_total,
       coalesce(p.blocks_done, 0) AS blocks_done, coalesce(p.blocks_total, 0) AS blocks_total,
       coalesce(nullif(p.current_locker_pid, 0)::int, (pg_blocking_pids(a.pid))[1], 0) AS blocker_pid,
       coalesce(a.state, '') AS state, coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0)::float8 AS seconds
FROM pg_stat_activity a LEFT JOIN pg_stat_progress_create_index p ON p.pid = a.pid
WHERE a.pid = %(pid)s
