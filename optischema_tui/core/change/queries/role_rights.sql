-- Whether this role may give a thing to another one, and whether that one could hold it in the schema.
SELECT pg_has_role(r.oid, 'MEMBER') AS member, has_schema_privilege(r.oid, n.oid, 'CREATE') AS may_create
FROM pg_roles r, pg_namespace n WHERE r.rolname = %(role)s AND n.nspname = %(schema)s
