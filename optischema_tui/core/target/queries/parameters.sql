-- Before version 15 the right to ALTER SYSTEM cannot be granted.
SELECT p.name::text AS name, r.rolsuper AS may
FROM pg_catalog.unnest($1::text[]) AS p (name), pg_catalog.pg_roles r
WHERE r.rolname = CURRENT_USER
