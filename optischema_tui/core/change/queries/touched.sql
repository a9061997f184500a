-- The table of that name, and everything below it when it is partitioned.
WITH named AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = %(schema)s AND c.relname = %(table)s
)
SELECT oid::bigint AS oid FROM named
UNION
SELECT t.relid::oid::bigint FROM named CROSS JOIN LATERAL pg_partition_tree(named.oid) t
ORDER BY oid
