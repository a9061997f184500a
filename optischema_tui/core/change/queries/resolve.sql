-- The relation that the name stands for, the table when it is an index, and the schema in which this session would
-- make a thing of no schema.
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS relkind, c.oid::bigint AS oid,
       coalesce(tn.nspname::text, '') AS table_schema, coalesce(t.relname::text, '') AS "table",
       coalesce(t.relkind::text, '') AS table_relkind, c.relpersistence::text AS persistence,
       coalesce(current_schema()::text, '') AS here
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_class t ON t.oid = i.indrelid
LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE c.oid = to_regclass(%(name)s)
