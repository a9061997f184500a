-- A partitioned index and all attached below it, the parents first.
SELECT n.nspname::text AS schema, c.relname::text AS name, t.isleaf AS leaf,
       coalesce(pn.nspname::text, '') AS parent_schema, coalesce(p.relname::text, '') AS parent
FROM pg_partition_tree(to_regclass(%(index)s)) t
JOIN pg_class c ON c.oid = t.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class p ON p.oid = t.parentrelid
LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
ORDER BY t.level, n.nspname, c.relname
