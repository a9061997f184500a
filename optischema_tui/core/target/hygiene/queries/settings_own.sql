-- Settings of a database's or a role's own; an empty name stands for all of them.
SELECT COALESCE(d.datname::text, '') AS database,
       COALESCE(r.rolname::text, '') AS role,
       pg_catalog.lower(pg_catalog.split_part(c.entry, '=', 1)) AS name,
       pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting AS s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (entry)
LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
ORDER BY 1, 2, 3
LIMIT 2000
