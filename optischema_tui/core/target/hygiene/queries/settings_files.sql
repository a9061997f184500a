-- What the configuration files say, the line that wins last; to those of postgresql.auto.conf ALTER SYSTEM goes back.
SELECT f.name::text AS name,
       COALESCE(f.setting, '')::text AS value,
       f.sourcefile LIKE '%postgresql.auto.conf' AS auto
FROM pg_catalog.pg_file_settings AS f
WHERE f.name IS NOT NULL
  AND f.error IS NULL
ORDER BY f.seqno
LIMIT 2000
