-- Settings that somebody set, those that wait for a restart, and those that advice asks for. What this session set for
-- itself is told as it would be without.
SELECT pg_catalog.count(*) OVER ()::int8 AS in_all,
       {columns}
FROM pg_catalog.pg_settings AS s
WHERE s.source <> 'client'
  AND (
      (s.source <> 'default' AND (s.source <> 'session' OR s.reset_val IS DISTINCT FROM s.boot_val))
      OR s.pending_restart
      OR s.name IN (
          'autovacuum', 'autovacuum_analyze_scale_factor', 'autovacuum_analyze_threshold', 'autovacuum_freeze_max_age',
          'autovacuum_max_workers', 'autovacuum_naptime', 'autovacuum_vacuum_cost_delay',
          'autovacuum_vacuum_cost_limit', 'autovacuum_vacuum_insert_scale_factor',
          'autovacuum_vacuum_insert_threshold', 'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold',
          'autovacuum_work_mem', 'bgwriter_delay', 'bgwriter_lru_maxpages', 'block_size', 'checkpoint_completion_target',
          'checkpoint_timeout', 'compute_query_id', 'cpu_index_tuple_cost', 'cpu_operator_cost', 'cpu_tuple_cost',
          'deadlock_timeout', 'default_statistics_target', 'effective_cache_size', 'effective_io_concurrency',
          'enable_partitionwise_aggregate', 'enable_partitionwise_join', 'fsync', 'full_page_writes',
          'hash_mem_multiplier', 'hot_standby_feedback', 'huge_pages', 'idle_in_transaction_session_timeout', 'io_method',
          'io_workers', 'jit', 'jit_above_cost', 'lock_timeout', 'log_lock_waits', 'log_min_duration_statement',
          'log_temp_files', 'maintenance_io_concurrency', 'maintenance_work_mem', 'max_connections',
          'max_parallel_maintenance_workers', 'max_parallel_workers', 'max_parallel_workers_per_gather',
          'max_replication_slots', 'max_slot_wal_keep_size', 'max_wal_senders', 'max_wal_size', 'max_worker_processes',
          'min_wal_size', 'parallel_setup_cost', 'parallel_tuple_cost', 'pg_stat_statements.max',
          'pg_stat_statements.track', 'pg_stat_statements.track_planning', 'pg_stat_statements.track_utility',
          'plan_cache_mode', 'random_page_cost', 'seq_page_cost', 'server_version_num', 'shared_buffers',
          'shared_preload_libraries', 'statement_timeout', 'superuser_reserved_connections', 'synchronous_commit',
          'synchronous_standby_names', 'temp_buffers', 'temp_file_limit', 'track_activity_query_size', 'track_counts',
          'track_functions', 'track_io_timing', 'track_wal_io_timing', 'vacuum_cost_limit', 'wal_buffers',
          'wal_compression', 'wal_keep_size', 'wal_level', 'work_mem'
      )
  )
ORDER BY s.pending_restart DESC, s.source = 'default', s.name
LIMIT 600
