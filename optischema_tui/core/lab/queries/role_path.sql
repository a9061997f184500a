-- Which schemas of a search path exist and are open to a role.
SELECT p.name
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS p (name, position)
JOIN pg_namespace n ON n.nspname = p.name
WHERE has_schema_privilege(%(role)s, n.oid, 'USAGE')
ORDER BY p.position
