SELECT n.nspname::text AS schema,
       pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
       r.rolsuper AS superuser,
       pg_catalog.has_schema_privilege(c.relowner, n.oid, 'CREATE') AS may_create
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'm')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2
