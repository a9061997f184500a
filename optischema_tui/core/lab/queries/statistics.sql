-- Raw statistics of user relations, index expressions included. Needs SELECT on pg_statistic.
SELECT s.starelid AS relation, s.staattnum AS number, a.attname::text AS column, s.stainherit AS inherited,
       s.stanullfrac AS null_frac, s.stawidth AS width, s.stadistinct AS n_distinct,
       ARRAY[s.stakind1, s.stakind2, s.stakind3, s.stakind4, s.stakind5]::int2[] AS kinds,
       ARRAY[s.stanumbers1::text, s.stanumbers2::text, s.stanumbers3::text, s.stanumbers4::text, s.stanumbers5::text]
           AS numbers,
       ARRAY[s.stavalues1::text, s.stavalues2::text, s.stavalues3::text, s.stavalues4::text, s.stavalues5::text]
           AS slots
FROM pg_statistic s
JOIN pg_class c ON c.oid = s.starelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
  AND NOT a.attisdropped
ORDER BY s.starelid, s.staattnum, s.stainherit
