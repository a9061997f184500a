-- The index of that name, or, where it is empty, all indexes of the table and of its TOAST table.
SELECT n.nspname::text AS schema, c.relname::text AS name, c.oid::bigint AS oid, i.indisexclusion AS exclusion,
       i.indisvalid AND i.indisready AND i.indislive AS valid, pg_relation_size(c.oid) AS size_bytes,
       c.relname ~ '_cc(new|old)[0-9]*$' AS temporary_name
FROM pg_class t JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_index i ON i.indrelid IN (t.oid, t.reltoastrelid)
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE tn.nspname = %(schema)s AND t.relname = %(table)s AND %(name)s::text IN ('', c.relname::text)
ORDER BY 1, 2
