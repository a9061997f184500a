SELECT has_schema_privilege(n.oid, 'CREATE') AS may_create FROM pg_namespace n WHERE n.nspname = %(schema)s
