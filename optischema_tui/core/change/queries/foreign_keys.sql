-- The columns that the table's foreign keys refer from; who deletes a referenced row looks them up.
SELECT x.conname::text AS name,
       ARRAY(SELECT a.attname::text FROM unnest(x.conkey) AS k (attnum)
             JOIN pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = k.attnum) AS columns
FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE x.contype = 'f' AND n.nspname = %(schema)s AND c.relname = %(table)s
ORDER BY 1
