-- The server's clock, and what this role may see of others.
SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::float8 AS now,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all
