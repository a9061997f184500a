-- The heaviest indexes of the connected database by pages, with the table they are of.
SELECT c.in_all,
       {columns}
FROM (
    SELECT i.oid,
           i.relname,
           i.relpages,
           i.reltuples,
           x.indrelid,
           x.indisvalid,
           x.indisready,
           x.indisunique,
           x.indisprimary,
           n.nspname,
           t.relname AS table_name,
           pg_catalog.count(*) OVER ()::int8 AS in_all
    FROM pg_catalog.pg_class AS i
    JOIN pg_catalog.pg_index AS x ON x.indexrelid = i.oid
    JOIN pg_catalog.pg_class AS t ON t.oid = x.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    WHERE i.relkind = 'i'
      AND t.relkind IN ('r', 'm')
      AND t.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY i.relpages DESC, i.oid
    LIMIT 2000
) AS c
ORDER BY c.relpages DESC, c.oid
