-- The relation that a name leads this session to, and the schema in which it would make a thing of no schema.
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS relkind,
       c.relpersistence::text AS persistence, coalesce(current_schema()::text, '') AS here
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass(%(name)s)::oid
