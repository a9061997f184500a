-- Settings that decide when autovacuum comes, in the units of the server.
SELECT s.name::text AS name, s.setting::text AS value
FROM pg_catalog.pg_settings AS s
WHERE s.name = 'autovacuum'
   OR s.name = 'track_counts'
   OR s.name LIKE 'autovacuum\_%'
   OR s.name IN ('vacuum_cost_limit', 'vacuum_cost_delay', 'block_size', 'vacuum_failsafe_age')
ORDER BY 1
