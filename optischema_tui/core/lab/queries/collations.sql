-- Collations that user objects use, beside the ones that every server has. Views, types and expressions depend on them
-- in pg_depend; the columns of indexes do not.
SELECT DISTINCT n.nspname::text AS schema, c.collname::text AS name, c.collprovider::text AS provider
FROM (
    SELECT a.attcollation AS oid
    FROM pg_attribute a
    JOIN pg_class r ON r.oid = a.attrelid
    JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE rn.nspname NOT LIKE 'pg\_%' AND rn.nspname <> 'information_schema'
    UNION
    SELECT x.refobjid FROM pg_depend x WHERE x.refclassid = 'pg_collation'::regclass
) AS used
JOIN pg_collation c ON c.oid = used.oid
JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE c.collname NOT IN ('default', 'C', 'POSIX', 'ucs_basic', 'pg_c_utf8')
ORDER BY 1, 2
