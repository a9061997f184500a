-- The session's statement_timeout until now, in words that set_config takes, while the new one comes into force.
SELECT pg_catalog.current_setting('statement_timeout') AS before,
       pg_catalog.set_config('statement_timeout', %s, false) AS now
