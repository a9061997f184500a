-- Databases of an encoding that has a form for any text of the others, the one that takes even what is no text first.
SELECT datname::text AS database
FROM pg_catalog.pg_database
WHERE pg_catalog.pg_encoding_to_char(encoding) IN ('SQL_ASCII', 'UTF8')
  AND datallowconn
  AND datname <> pg_catalog.current_database()
  AND pg_catalog.has_database_privilege(oid, 'CONNECT')
ORDER BY pg_catalog.pg_encoding_to_char(encoding) = 'SQL_ASCII' DESC, datname
LIMIT 5
