-- Behind a pooler (the process id is another than the handshake's) nothing is set: it would reach other clients.
SELECT pg_catalog.pg_backend_pid() AS backend_pid,
       CASE WHEN s.direct THEN pg_catalog.set_config('default_transaction_read_only', %s, false) END,
       CASE WHEN s.direct THEN pg_catalog.set_config('statement_timeout', %s, false) END,
       CASE WHEN s.direct THEN pg_catalog.set_config('lock_timeout', %s, false) END,
       CASE WHEN s.direct THEN pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', false) END
FROM (SELECT pg_catalog.pg_backend_pid() = %s AS direct) AS s
