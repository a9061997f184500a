-- Partitions and inheritance children of a table, the direct ones.
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.inhparent = %(relation)s::bigint::oid
ORDER BY 1
