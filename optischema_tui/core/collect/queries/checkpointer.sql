SELECT 1::int8 AS in_all,
       {columns}
FROM pg_catalog.pg_stat_bgwriter AS b
-- if pg_stat_checkpointer
LEFT JOIN pg_catalog.pg_stat_checkpointer AS c ON true
-- end
-- if pg_stat_archiver
LEFT JOIN pg_catalog.pg_stat_archiver AS a ON true
-- end
