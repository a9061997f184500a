-- One extended statistics object. A target of -1 stands for the default in every version.
SELECT s.oid::bigint AS oid, n.nspname::text AS schema, s.stxname::text AS name, tn.nspname::text AS table_schema,
       t.relname::text AS "table", pg_get_userbyid(s.stxowner)::text AS owner,
       pg_has_role(s.stxowner, 'USAGE') AS owns, coalesce(s.stxstattarget, -1)::int AS target,
       s.stxkind::text[] AS kinds,
       ARRAY(SELECT a.attname::text FROM unnest(s.stxkeys::int2[]) AS k (attnum)
             JOIN pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.attnum ORDER BY k.attnum) AS columns,
       ARRAY[]::text[] AS expressions, pg_get_statisticsobjdef(s.oid) AS definition,
       coalesce(obj_description(s.oid, 'pg_statistic_ext'), '') AS comment,
       coalesce((SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = 'pg_statistic_ext'::regclass AND d.objid = s.oid AND d.deptype = 'e' LIMIT 1), '')
         AS extension
FROM pg_statistic_ext s
JOIN pg_namespace n ON n.oid = s.stxnamespace
JOIN pg_class t ON t.oid = s.stxrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE n.nspname = %(schema)s AND s.stxname = %(name)s
