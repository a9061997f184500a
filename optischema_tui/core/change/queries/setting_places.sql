-- Where one setting is given to sessions of a database, of a role, or of both; an empty name stands for all of them.
SELECT coalesce(d.datname::text, '') AS database, coalesce(r.rolname::text, '') AS role,
       substr(c.entry, strpos(c.entry, '=') + 1) AS setting
FROM pg_db_role_setting s
CROSS JOIN LATERAL unnest(s.setconfig) AS c (entry)
LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE lower(split_part(c.entry, '=', 1)) = lower(%(name)s)
ORDER BY 1, 2
