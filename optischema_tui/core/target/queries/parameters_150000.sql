SELECT p.name::text AS name, pg_catalog.has_parameter_privilege(p.name, 'ALTER SYSTEM') AS may
FROM pg_catalog.unnest($1::text[]) AS p (name)
