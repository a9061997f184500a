SELECT c.oid::bigint AS oid, c.relkind::text AS relkind, c.relpersistence::text AS persistence,
       pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'USAGE') AS owns,
       pg_has_role(c.relowner, 'MEMBER') AS may_become_owner,
       has_schema_privilege(c.relnamespace, 'CREATE') AS may_create, current_user::text AS role,
       pg_relation_size(c.oid) AS size_bytes,
       CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(sum(pg_table_size(t.relid)), 0) FROM pg_partition_tree(c.oid) t)
            ELSE pg_table_size(c.oid) END::bigint AS table_bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
