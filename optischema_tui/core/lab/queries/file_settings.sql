-- The server's own values, where this role may read its configuration files.
SELECT f.name, f.setting
FROM pg_file_settings f
WHERE f.applied AND f.name = ANY(%(names)s::text[])
ORDER BY f.seqno
