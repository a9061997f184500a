-- Prepared transactions that hold the table in one of these modes. Their locks belong to no process.
SELECT p.gid FROM pg_prepared_xacts p
WHERE p.database = current_database()
  AND EXISTS (SELECT FROM pg_locks l JOIN pg_locks x ON x.virtualtransaction = l.virtualtransaction
              WHERE l.pid IS NULL AND l.locktype = 'relation' AND l.relation = %(relation)s::bigint::oid
                AND l.mode = ANY (%(modes)s::text[])
                AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.transactionid = p.transaction)
ORDER BY p.prepared
