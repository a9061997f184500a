SELECT d.datname::text AS database, o.rolname::text AS owner, o.rolsuper AS owner_is_superuser, pg_has_role(o.oid, 'USAGE') AS owns
FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba WHERE d.datname = %(database)s
