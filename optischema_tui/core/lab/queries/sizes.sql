-- Present size in bytes. Takes ACCESS SHARE on each relation for a moment.
SELECT c.oid, coalesce(pg_relation_size(c.oid), 0) AS size_bytes
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
