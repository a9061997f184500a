SELECT i.indexrelid AS oid, i.indrelid AS relation, am.amname::text AS method,
       pg_get_indexdef(i.indexrelid) AS definition,
       ARRAY(SELECT CASE WHEN k.attnum <> 0 THEN (SELECT a.attname::text FROM pg_attribute a
                                                  WHERE a.attrelid = i.indrelid AND a.attnum = k.attnum)
                         WHEN e.text LIKE '(%' THEN e.text
                         ELSE '(' || e.text || ')' END
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
             CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid, k.position::int, false)) AS e (text)
             ORDER BY k.position) AS columns,
       i.indkey::int2[] AS numbers, i.indnkeyatts AS keys, i.indoption::int2[] AS options,
       coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
       i.indexprs IS NOT NULL AS expressions,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisvalid AS is_valid,
       i.indisreplident AS replica_identity, i.indisclustered AS is_clustered,
       coalesce((SELECT e.extname::text FROM pg_depend x JOIN pg_extension e ON e.oid = x.refobjid
                 WHERE x.classid = 'pg_class'::regclass AND x.objid = i.indexrelid AND x.deptype = 'e'
                   AND x.refclassid = 'pg_extension'::regclass), '') AS extension,
       ARRAY(SELECT CASE WHEN o.opcdefault THEN '' ELSE o.opcname::text END
             FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k (class, position)
             JOIN pg_opclass o ON o.oid = k.class ORDER BY k.position) AS opclasses,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) AS is_constraint
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am am ON am.oid = c.relam
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
ORDER BY i.indexrelid
