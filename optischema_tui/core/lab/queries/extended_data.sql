-- Needs SELECT on pg_statistic_ext_data.
SELECT d.stxoid AS oid, false AS inherited, d.stxdndistinct::bytea AS ndistinct,
       d.stxddependencies::bytea AS dependencies, d.stxdmcv::bytea AS mcv
FROM pg_statistic_ext_data d
