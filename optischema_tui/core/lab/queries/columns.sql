WITH sortable AS (
    SELECT t.oid,
           b.typtype IN ('e', 'r', 'm') OR (b.typcategory = 'A' AND b.typelem <> 0) OR EXISTS (
               SELECT FROM pg_opclass o
               JOIN pg_am am ON am.oid = o.opcmethod AND am.amname = 'btree'
               WHERE o.opcdefault AND (o.opcintype = b.oid OR o.opcintype IN (
                   SELECT k.casttarget FROM pg_cast k
                   WHERE k.castsource = b.oid AND k.castmethod = 'b' AND k.castcontext = 'i'))) AS yes
    FROM pg_type t
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
)
SELECT a.attrelid AS relation, a.attnum AS number, a.attname::text AS name, a.attisdropped AS dropped,
       CASE WHEN a.attisdropped THEN '' ELSE format_type(a.atttypid, a.atttypmod) END AS type,
       CASE WHEN a.attisdropped THEN '' ELSE format_type(a.atttypid, NULL) END AS bare_type,
       a.atttypid AS type_oid,
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
            THEN quote_ident(cn.nspname) || '.' || quote_ident(k.collname) ELSE '' END AS collation,
       a.attnotnull AND NOT EXISTS (
           SELECT FROM pg_constraint x
           WHERE x.conrelid = a.attrelid AND x.contype = 'n' AND NOT x.convalidated AND x.conkey = ARRAY[a.attnum]
       ) AS not_null,
       CASE WHEN a.attgenerated = 'v' THEN pg_get_expr(d.adbin, d.adrelid) ELSE '' END AS virtual,
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) ELSE '' END AS default,
       a.attidentity <> '' AS identity,
       a.attlen AS length, a.attalign::text AS alignment,
       coalesce(s.yes, false) AS has_btree
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN sortable s ON s.oid = a.atttypid
LEFT JOIN pg_collation k ON k.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = k.collnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND c.relkind IN ('r', 'p', 'm', 'c', 'v', 'i', 'I') AND c.relpersistence <> 't' AND a.attnum > 0
ORDER BY a.attrelid, a.attnum
