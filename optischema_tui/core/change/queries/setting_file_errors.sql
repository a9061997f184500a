-- Lines of the configuration files that the server refuses; one that waits for a restart is none. One that it cannot read,
-- or whose setting it does not know, keeps it from applying any of the others.
SELECT coalesce(f.sourcefile, '') AS file, coalesce(f.sourceline, 0) AS line, coalesce(f.name, '') AS name, f.error,
       s.name IS NULL AS stops_all
FROM pg_file_settings f LEFT JOIN pg_settings s ON lower(s.name) = lower(f.name)
WHERE f.error IS NOT NULL AND NOT coalesce(s.context = 'postmaster', false)
ORDER BY f.seqno
