-- Statistics of the expressions of extended statistics. Needs SELECT on pg_statistic_ext_data.
SELECT d.stxoid AS oid, false AS inherited, e.ordinality AS number,
       e.stanullfrac AS null_frac, e.stawidth AS width, e.stadistinct AS n_distinct,
       ARRAY[e.stakind1, e.stakind2, e.stakind3, e.stakind4, e.stakind5]::int2[] AS kinds,
       ARRAY[e.stanumbers1::text, e.stanumbers2::text, e.stanumbers3::text, e.stanumbers4::text, e.stanumbers5::text]
           AS numbers,
       ARRAY[e.stavalues1::text, e.stavalues2::text, e.stavalues3::text, e.stavalues4::text, e.stavalues5::text]
           AS slots
FROM pg_statistic_ext_data d
CROSS JOIN unnest(d.stxdexpr) WITH ORDINALITY AS e
