-- Every index of the table, and the named ones wherever they belong.
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
       ARRAY(SELECT CASE WHEN l.coll IN (0, a.attcollation) THEN ''
                         ELSE quote_ident(x.nspname) || '.' || quote_ident(o.collname) END
             FROM unnest(i.indcollation::oid[], i.indkey::int2[]) WITH ORDINALITY AS l (coll, attnum, n)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = l.attnum AND l.attnum <> 0
             LEFT JOIN pg_collation o ON o.oid = l.coll LEFT JOIN pg_namespace x ON x.oid = o.collnamespace
             WHERE l.coll IS NOT NULL ORDER BY l.n) AS collations,
       coalesce((SELECT x.conname::text FROM pg_constraint x WHERE x.conindid = c.oid LIMIT 1), '') AS "constraint",
       coalesce((SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' LIMIT 1), '') AS extension,
       c.relkind::text AS relkind, t.relkind::text AS table_relkind, i.indcheckxmin AS check_xmin,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
       coalesce(c.reloptions, '{}') AS parameters, coalesce(sp.spcname, home.spcname)::text AS tablespace,
       c.reltablespace <> 0 OR current_setting('default_tablespace') <> '' AS names_tablespace,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       ARRAY(SELECT a.attnum || '=' || a.attstattarget FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attstattarget >= 0 ORDER BY a.attnum) AS statistics,
       ARRAY(SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'x' ORDER BY 1) AS goes_with,
       coalesce((SELECT ARRAY[pn.nspname::text, p.relname::text] FROM pg_inherits h
                 JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
                 WHERE h.inhrelid = c.oid), '{}') AS part_of
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace sp ON sp.oid = c.reltablespace
JOIN pg_tablespace home ON home.oid = (SELECT dattablespace FROM pg_database WHERE datname = current_database())
WHERE (n.nspname = %(schema)s AND t.relname = %(table)s)
   OR (n.nspname::text, c.relname::text) IN (SELECT w.schema, w.name
                                             FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w (schema, name))
ORDER BY n.nspname, c.relname
