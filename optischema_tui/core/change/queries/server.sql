SELECT CASE WHEN current_user <> session_user THEN current_user::text ELSE '' END AS acting_as,
       pg_is_in_recovery() AS in_recovery, pg_backend_pid() AS backend_pid,
       current_setting('transaction_read_only') = 'on' AS read_only,
       current_setting('server_version_num')::int AS version_num, current_setting('server_version') AS version
