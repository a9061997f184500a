-- All databases of the cluster, the busiest first; without a name: the objects that all of them share.
SELECT pg_catalog.count(*) OVER ()::int8 AS in_all,
       {columns}
FROM pg_catalog.pg_stat_database AS s
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.datid
ORDER BY s.xact_commit + s.xact_rollback DESC NULLS LAST, s.datid
LIMIT 200
