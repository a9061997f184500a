-- Every type that is not a system type, with the extension it belongs to.
SELECT t.oid, n.nspname::text AS schema, t.typname::text AS name, t.typtype::text AS kind, t.typelem AS element,
       coalesce(e.extname::text, '') AS extension,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE 0::oid END AS base_oid,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE '' END AS base,
       CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation
            THEN quote_ident(cn.nspname) || '.' || quote_ident(c.collname) ELSE '' END AS collation,
       t.typnotnull AS not_null,
       ARRAY(SELECT 'CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
             FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.oid) AS constraints,
       ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       ARRAY(SELECT l.oid FROM pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS label_oids,
       CASE WHEN t.typtype = 'r' THEN format_type(r.rngsubtype, NULL) ELSE '' END AS subtype,
       coalesce((SELECT quote_ident(oc.nspname) || '.' || quote_ident(o.opcname)
                 FROM pg_opclass o JOIN pg_namespace oc ON oc.oid = o.opcnamespace
                 WHERE o.oid = r.rngsubopc AND NOT o.opcdefault), '') AS subtype_opclass,
       coalesce((SELECT quote_ident(dn.nspname) || '.' || quote_ident(d.proname)
                 FROM pg_proc d JOIN pg_namespace dn ON dn.oid = d.pronamespace
                 WHERE d.oid = r.rngsubdiff), '') AS subtype_diff,
       coalesce((SELECT quote_ident(ln.nspname) || '.' || quote_ident(l.collname)
                 FROM pg_collation l JOIN pg_namespace ln ON ln.oid = l.collnamespace
                 JOIN pg_type s ON s.oid = r.rngsubtype
                 WHERE l.oid = r.rngcollation AND l.oid <> s.typcollation), '') AS subtype_collation,
       coalesce(m.typname::text, '') AS multirange,
       t.typcategory = 'A' AND t.typlen = -1 AS is_array
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_collation c ON c.oid = t.typcollation
LEFT JOIN pg_namespace cn ON cn.oid = c.collnamespace
LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_type m ON m.oid = (to_jsonb(r) ->> 'rngmultitypid')::oid
LEFT JOIN pg_depend x ON x.classid = 'pg_type'::regclass AND x.objid = t.oid AND x.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = x.refobjid
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY t.oid
