-- Blocks and sessions of every database. To measure one, the server looks at each of its files: only the ten that read
-- most are, where this role may connect to them.
SELECT s.datid::int8 AS datid, s.sessions, s.blks_read, s.blks_hit, s.blk_read_ms, s.reset,
       CASE WHEN s.place <= 10 AND pg_catalog.has_database_privilege(s.datid, 'CONNECT')
            THEN pg_catalog.pg_database_size(s.datid) END AS bytes
FROM (
    SELECT v.datid, v.numbackends::int8 AS sessions, v.blks_read::int8 AS blks_read, v.blks_hit::int8 AS blks_hit,
           v.blk_read_time::float8 AS blk_read_ms,
           pg_catalog.date_part('epoch', v.stats_reset)::float8 AS reset,
           pg_catalog.row_number() OVER (ORDER BY v.blks_read DESC, v.datid) AS place
    FROM pg_catalog.pg_stat_database AS v
    JOIN pg_catalog.pg_database AS d ON d.oid = v.datid
) AS s
ORDER BY s.place
LIMIT 200
