-- A killed program must not end the build that its intent announced, and a wait between attempts must not end the
-- session. What the journal calls done must outlive a crash of the server: a commit waits for the disk.
SELECT set_config(name, CASE name WHEN 'synchronous_commit' THEN 'local' ELSE '0' END, false) FROM pg_settings
WHERE name IN ('client_connection_check_interval', 'idle_session_timeout')
   OR (name = 'synchronous_commit' AND setting = 'off')
