-- Rows of the table, and the mean bytes of each named column as ANALYZE saw it.
SELECT greatest(c.reltuples, 0)::bigint AS rows,
       (SELECT coalesce(sum(coalesce(s.avg_width, nullif(greatest(a.attlen, 0), 0), 32)), 0)::bigint
        FROM pg_attribute a LEFT JOIN pg_stats s
          ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attname = ANY (%(columns)s::text[])) AS width
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
