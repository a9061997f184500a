-- Who and where we are on this server, for the intent and for the audit.
SELECT session_user::text AS session_user, current_user::text AS current_user,
       coalesce(host(inet_client_addr()), 'local') AS client, pg_backend_pid() AS backend_pid,
       (SELECT extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS backend_start,
       clock_timestamp()::text AS server_clock
