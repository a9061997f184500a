-- Statistics targets of a table's columns; -1 stands for the default in every version.
SELECT a.attname::text AS name, coalesce(a.attstattarget, -1)::int AS target
FROM pg_attribute a WHERE a.attrelid = %(relation)s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
