-- Plain columns that a usable, whole index leads with, by table; `computed`: the table has an index on an expression.
SELECT n.nspname::text AS schema,
       t.relname::text AS table,
       a.attname::text AS column,
       pg_catalog.format_type(a.atttypid, NULL) AS type,
       pg_catalog.min(x.relname::text) AS index,
       t.relpages::int8 AS pages,
       EXISTS (SELECT FROM pg_catalog.pg_index AS e
               WHERE e.indrelid = t.oid AND e.indexprs IS NOT NULL) AS computed
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
WHERE i.indisvalid
  AND i.indpred IS NULL
  AND i.indkey[0] > 0
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
GROUP BY n.nspname, t.oid, t.relname, t.relpages, a.attname, a.atttypid
ORDER BY t.relpages DESC, t.oid, 3
LIMIT 5000
