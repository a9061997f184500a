-- The table and all below it, the parents first: what can hold an index, and whether this role may make it there.
SELECT n.nspname::text AS schema, c.relname::text AS name, coalesce(pn.nspname::text, '') AS parent_schema,
       coalesce(p.relname::text, '') AS parent, c.oid::bigint AS oid, c.relkind::text AS relkind,
       c.relpersistence::text AS persistence, pg_get_userbyid(c.relowner)::text AS owner,
       pg_has_role(c.relowner, 'USAGE') AS owns, has_schema_privilege(c.relnamespace, 'CREATE') AS may_create,
       current_user::text AS role, pg_relation_size(c.oid) AS size_bytes
FROM pg_partition_tree(to_regclass(%(table)s)) t
JOIN pg_class c ON c.oid = t.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class p ON p.oid = t.parentrelid
LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
ORDER BY t.level, n.nspname, c.relname
