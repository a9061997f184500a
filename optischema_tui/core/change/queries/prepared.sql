-- A prepared transaction's locks belong to no process; nothing that waits for them ends by itself.
SELECT p.gid, p.owner::text AS owner, extract(epoch FROM clock_timestamp() - p.prepared)::int AS seconds,
       EXISTS (SELECT 1 FROM pg_locks l JOIN pg_locks x ON x.virtualtransaction = l.virtualtransaction
               WHERE l.pid IS NULL AND l.locktype = 'relation' AND l.relation = %(relation)s::bigint::oid
                 AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.transactionid = p.transaction) AS on_table
FROM pg_prepared_xacts p WHERE p.database = current_database()
ORDER BY p.prepared
