-- Settings that advice looks at. Without what our session set for itself; `source` tells whether a value is our role's
-- or database's own.
SELECT s.name::text AS name,
       COALESCE(CASE WHEN s.source = 'session' THEN s.reset_val ELSE s.setting END, '')::text AS value,
       COALESCE(s.boot_val, '')::text AS boot_value,
       COALESCE(s.unit, '')::text AS unit,
       s.context::text AS context,
       s.source::text AS source,
       COALESCE(s.enumvals, '{}')::text[] AS choices,
       s.pending_restart
FROM pg_catalog.pg_settings AS s
WHERE s.name IN (
    'autovacuum', 'autovacuum_max_workers', 'autovacuum_vacuum_cost_delay', 'autovacuum_vacuum_cost_limit',
    'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold', 'block_size', 'checkpoint_completion_target',
    'checkpoint_timeout', 'effective_cache_size', 'idle_in_transaction_session_timeout', 'jit', 'jit_above_cost',
    'maintenance_work_mem', 'max_connections', 'max_parallel_workers', 'max_wal_size', 'max_worker_processes',
    'random_page_cost', 'reserved_connections', 'seq_page_cost', 'shared_buffers', 'statement_timeout',
    'superuser_reserved_connections', 'track_io_timing', 'vacuum_cost_limit', 'wal_compression', 'work_mem'
)
ORDER BY 1
