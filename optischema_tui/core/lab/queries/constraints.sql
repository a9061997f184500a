SELECT c.oid, c.conrelid AS relation, c.conname::text AS name, c.contype::text AS kind,
       pg_get_constraintdef(c.oid) AS definition, c.conindid AS index, c.conparentid AS parent,
       c.confrelid AS references,
       coalesce(c.conkey, '{}')::int2[] AS columns
FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace
WHERE c.conrelid <> 0 AND c.contype IN ('c', 'p', 'u', 'x', 'f')
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY c.oid
