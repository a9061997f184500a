-- Every index of the table, and the index of that name wherever it belongs.
SELECT c.oid::bigint AS oid, c.relname::text AS name, tn.nspname::text AS table_schema, t.relname::text AS "table",
       am.amname::text AS method, i.indisvalid AS valid, i.indisready AS ready, i.indislive AS live,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisreplident AS replica_identity,
       i.indisclustered AS clustered, c.relispartition AS attached, pg_get_indexdef(c.oid) AS definition,
       coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate, i.indnkeyatts::int AS key_count,
       i.indoption::int2[] AS options, pg_relation_size(c.oid) AS size_bytes,
       ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
             ORDER BY k.n) AS columns,
       ARRAY(SELECT CASE WHEN k.attnum = 0 THEN pg_get_indexdef(c.oid, k.n::int, false) ELSE '' END
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)
             WHERE k.n <= i.indnkeyatts ORDER BY k.n) AS expressions,
       ARRAY(SELECT CASE WHEN o.opcdefault THEN '' ELSE o.opcname::text END
             FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k (opclass, n)
             JOIN pg_opclass o ON o.oid = k.opclass ORDER BY k.n) AS opclasses,
       (SELECT coalesce(bool_and(l.coll = 0 OR l.attnum = 0 OR l.coll = a.attcollation), true)
        FROM unnest(i.indcollation::oid[], i.indkey::int2[]) AS l (coll, attnum)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = l.attnum AND l.attnum <> 0
        WHERE l.coll IS NOT NULL) AND NOT (0 = ANY (i.indkey::int2[]) AND pg_get_indexdef(c.oid) LIKE '%% COLLATE %%')
         AS own_collations,
       coalesce((SELECT x.conname::text FROM pg_constraint x WHERE x.conindid = c.oid LIMIT 1), '') AS "constraint",
       coalesce((SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' LIMIT 1), '') AS extension
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_am am ON am.oid = c.relam
WHERE n.nspname = %(schema)s AND (c.relname = %(name)s OR t.relname = %(table)s)
ORDER BY c.relname
