-- A killed program must not end the build that its intent announced, and a wait between attempts must not end the session.
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('client_connection_check_interval', 'idle_session_timeout')
