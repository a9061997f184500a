-- What decides plans. Values in base units, as ALTER DATABASE .. SET takes them.
SELECT name, setting, source, boot_val
FROM pg_settings
WHERE category LIKE 'Query Tuning%'
   OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers_per_gather', 'parallel_leader_participation',
               'effective_io_concurrency', 'TimeZone', 'DateStyle', 'IntervalStyle',
               'transform_null_equals', 'search_path')
