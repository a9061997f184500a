-- What ALTER ROLE and ALTER DATABASE set for sessions of a role in this database, the weakest first. NULL oid: no such role.
SELECT r.oid AS role, s.setrole <> 0 AS of_role, s.setdatabase <> 0 AS of_database,
       coalesce(s.setconfig, '{}')::text[] AS settings
FROM (SELECT (SELECT oid FROM pg_roles WHERE rolname = %(role)s) AS oid) AS r
LEFT JOIN pg_db_role_setting s
       ON s.setrole IN (0, r.oid)
      AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
ORDER BY of_role, of_database
