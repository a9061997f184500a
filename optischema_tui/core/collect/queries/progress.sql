-- Long commands that tell how far they are. Names only of the connected database's relations.
SELECT pg_catalog.count(*) OVER ()::int8 AS in_all,
       {columns}
FROM (
    SELECT NULL::int4 AS pid, NULL::text AS command, NULL::oid AS datid, NULL::text AS database, NULL::oid AS relid,
           NULL::text AS phase, NULL::int8 AS done, NULL::int8 AS of_all, NULL::text AS unit
    WHERE false
-- if pg_stat_progress_vacuum
    UNION ALL
    SELECT pid, 'VACUUM', datid, datname::text, relid, phase,
-- end
-- if pg_stat_progress_vacuum.indexes_total
           CASE WHEN phase IN ('vacuuming indexes', 'cleaning up indexes') THEN indexes_processed
                WHEN phase = 'vacuuming heap' THEN heap_blks_vacuumed ELSE heap_blks_scanned END,
           CASE WHEN phase IN ('vacuuming indexes', 'cleaning up indexes') THEN indexes_total
                ELSE heap_blks_total END,
           CASE WHEN phase IN ('vacuuming indexes', 'cleaning up indexes') THEN 'indexes' ELSE 'blocks' END
-- end
-- if pg_stat_progress_vacuum and not pg_stat_progress_vacuum.indexes_total
           CASE WHEN phase = 'vacuuming heap' THEN heap_blks_vacuumed ELSE heap_blks_scanned END,
           heap_blks_total, 'blocks'
-- end
-- if pg_stat_progress_vacuum
    FROM pg_catalog.pg_stat_progress_vacuum
-- end
-- if pg_stat_progress_analyze
    UNION ALL
    SELECT pid, 'ANALYZE', datid, datname::text, relid, phase, sample_blks_scanned, sample_blks_total, 'blocks'
    FROM pg_catalog.pg_stat_progress_analyze
-- end
-- if pg_stat_progress_create_index
    UNION ALL
    SELECT pid, command, datid, datname::text, relid, phase,
           CASE WHEN phase LIKE 'waiting%' THEN lockers_done WHEN tuples_total > 0 THEN tuples_done ELSE blocks_done END,
           CASE WHEN phase LIKE 'waiting%' THEN lockers_total WHEN tuples_total > 0 THEN tuples_total
                ELSE blocks_total END,
           CASE WHEN phase LIKE 'waiting%' THEN 'lockers' WHEN tuples_total > 0 THEN 'tuples' ELSE 'blocks' END
    FROM pg_catalog.pg_stat_progress_create_index
-- end
-- if pg_stat_progress_cluster
    UNION ALL
    SELECT pid, command, datid, datname::text, relid, phase, heap_blks_scanned, heap_blks_total, 'blocks'
    FROM pg_catalog.pg_stat_progress_cluster
-- end
-- if pg_stat_progress_copy
    UNION ALL
    SELECT pid, command, datid, datname::text, relid, NULL, bytes_processed, nullif(bytes_total, 0), 'bytes'
    FROM pg_catalog.pg_stat_progress_copy
-- end
-- if pg_stat_progress_basebackup
    UNION ALL
    SELECT pid, 'BASE BACKUP', NULL, NULL, NULL, phase, backup_streamed, backup_total, 'bytes'
    FROM pg_catalog.pg_stat_progress_basebackup
-- end
) AS p
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = p.relid AND p.database = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY p.pid
LIMIT 200
