SELECT pg_catalog.set_config('default_transaction_read_only', %s, false),
       pg_catalog.set_config('statement_timeout', %s, false),
       pg_catalog.set_config('lock_timeout', %s, false),
       pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', false)
