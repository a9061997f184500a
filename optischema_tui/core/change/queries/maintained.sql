-- The table, or each leaf of a partitioned one: when it was last vacuumed and analyzed by hand (seconds since 1970), and
-- whether this role may do that.
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, pg_get_userbyid(c.relowner)::text AS owner,
       extract(epoch FROM s.last_vacuum)::float8 AS last_vacuum,
       extract(epoch FROM s.last_analyze)::float8 AS last_analyze,
       current_setting('track_counts') = 'on' AS counted,
       pg_has_role(c.relowner, 'USAGE')
         OR (SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database d WHERE d.datname = current_database()) AS may
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'm')
  AND (c.oid = %(relation)s::bigint::oid OR c.oid IN (SELECT t.relid FROM pg_partition_tree(%(relation)s::bigint::oid) t))
ORDER BY 1
