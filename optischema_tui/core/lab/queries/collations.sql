-- Collations that columns or indexes of user relations use, beside the ones that every server has.
SELECT DISTINCT n.nspname::text AS schema, c.collname::text AS name, c.collprovider::text AS provider
FROM pg_attribute a
JOIN pg_class r ON r.oid = a.attrelid
JOIN pg_namespace rn ON rn.oid = r.relnamespace
JOIN pg_collation c ON c.oid = a.attcollation
JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE rn.nspname NOT LIKE 'pg\_%' AND rn.nspname <> 'information_schema'
  AND c.collname NOT IN ('default', 'C', 'POSIX', 'ucs_basic')
