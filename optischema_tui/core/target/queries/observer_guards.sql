-- jit: no statement of ours is worth compiling, and a low jit_above_cost would compile each.
-- work_mem: the rows of a large pg_stat_statements then stay in memory, and no temporary file is written for them.
SELECT pg_catalog.set_config('default_transaction_read_only', 'on', $1),
       pg_catalog.set_config('statement_timeout', '5s', $1),
       pg_catalog.set_config('lock_timeout', '500ms', $1),
       pg_catalog.set_config('idle_in_transaction_session_timeout', '10s', $1),
       pg_catalog.set_config('work_mem', '64MB', $1),
       pg_catalog.set_config('jit', 'off', $1)
