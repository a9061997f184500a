-- Bytes on disk of every database whose size this role may ask for; the others come without.
SELECT pg_catalog.count(*) OVER ()::int8 AS in_all,
       {columns}
FROM (
    SELECT d.oid,
           d.datname,
           CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                     OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
                THEN pg_catalog.pg_database_size(d.oid) END AS bytes
    FROM (
        SELECT oid, datname
        FROM pg_catalog.pg_database
        ORDER BY datname = pg_catalog.current_database() DESC, oid
        LIMIT 100
    ) AS d
    OFFSET 0
) AS d
