-- Who did input and output on what, in which context; pairs that never did any are not told.
SELECT pg_catalog.count(*) OVER ()::int8 AS in_all,
       {columns}
FROM pg_catalog.pg_stat_io AS i
WHERE i.reads > 0 OR i.writes > 0 OR i.extends > 0 OR i.hits > 0 OR i.fsyncs > 0
ORDER BY i.backend_type, i.object, i.context
LIMIT 300
