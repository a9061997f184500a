-- How far each database of the cluster is from the wraparound of transactions and of multixacts.
SELECT d.datname::text AS name,
       pg_catalog.age(d.datfrozenxid)::int8 AS xid_age,
       pg_catalog.mxid_age(d.datminmxid)::int8 AS multixact_age,
       d.datname = pg_catalog.current_database() AS here
FROM pg_catalog.pg_database AS d
ORDER BY 2 DESC, 1
LIMIT 200
