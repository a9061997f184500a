-- The heaviest tables of the connected database by pages, with those of their indexes and TOAST summed up. By the
-- functions under pg_stat_all_tables and pg_statio_all_tables: the views reckon every table before one is left out.
SELECT c.in_all,
       {columns}
FROM (
    SELECT t.oid, t.relname, t.relkind, t.relpages, t.reltuples, t.relallvisible, t.reltoastrelid, t.relfrozenxid,
           n.nspname,
           pg_catalog.count(*) OVER ()::int8 AS in_all
    FROM pg_catalog.pg_class AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    WHERE t.relkind IN ('r', 'm', 'p')
      AND t.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY t.relpages DESC, t.oid
    LIMIT 1000
) AS c
LEFT JOIN pg_catalog.pg_class AS o ON o.oid = c.reltoastrelid
LEFT JOIN LATERAL (
    SELECT pg_catalog.count(*) AS indexes,
           pg_catalog.sum(pg_catalog.pg_stat_get_numscans(x.indexrelid)) AS scans,
           pg_catalog.sum(pg_catalog.pg_stat_get_tuples_fetched(x.indexrelid)) AS fetched,
           pg_catalog.sum(pg_catalog.pg_stat_get_blocks_fetched(x.indexrelid)) AS blocks,
           pg_catalog.sum(pg_catalog.pg_stat_get_blocks_hit(x.indexrelid)) AS hit
    FROM pg_catalog.pg_index AS x
    WHERE x.indrelid = c.oid
) AS i ON true
ORDER BY c.relpages DESC, c.oid
