-- The heaviest tables of the connected database by pages: vacuum's and ANALYZE's figures, options and ages. By a look
-- at each table's own row of the view: as a whole it reckons every table before one is left out.
WITH heaviest AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpages, c.reltuples, c.relfrozenxid, c.relminmxid, c.relhasindex,
           c.reltoastrelid, c.reloptions,
           pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'p')
      AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY c.relpages DESC, c.oid
    LIMIT 1000
),
widths AS MATERIALIZED (
    SELECT p.schemaname, p.tablename,
           pg_catalog.count(*) FILTER (WHERE NOT p.inherited)::int8 AS own_columns,
           pg_catalog.count(*)::int8 AS known_columns,
           pg_catalog.sum(p.avg_width * (1 - p.null_frac)) FILTER (WHERE NOT p.inherited)::float8 AS width,
           pg_catalog.max(p.null_frac)::float8 AS most_null
    FROM pg_catalog.pg_stats AS p
    WHERE p.schemaname NOT IN ('pg_catalog', 'information_schema')
    GROUP BY 1, 2
)
SELECT h.oid::int8 AS relid,
       h.nspname::text AS schema,
       h.relname::text AS name,
       h.relkind::text AS kind,
       h.relpages::int8 AS pages,
       h.reltuples::float8 AS rows,
       h.reloptions::text[] AS options,
       o.reloptions::text[] AS toast_options,
       CASE WHEN h.relkind <> 'p'
            THEN greatest(pg_catalog.age(h.relfrozenxid), pg_catalog.age(o.relfrozenxid)) END::int8 AS xid_age,
       CASE WHEN h.relkind <> 'p'
            THEN greatest(pg_catalog.mxid_age(h.relminmxid), pg_catalog.mxid_age(o.relminmxid)) END::int8 AS multixact_age,
       s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze, s.n_tup_ins, s.n_tup_upd, s.n_tup_hot_upd, s.n_tup_del,
       (s.every ->> 'n_tup_newpage_upd')::int8 AS n_tup_newpage_upd,
       s.seq_scan,
       pg_catalog.date_part('epoch', greatest(s.last_vacuum, s.last_autovacuum))::float8 AS last_vacuum,
       pg_catalog.date_part('epoch', greatest(s.last_analyze, s.last_autoanalyze))::float8 AS last_analyze,
       coalesce(s.vacuum_count, 0) AS vacuum_count,
       coalesce(s.autovacuum_count, 0) AS autovacuum_count,
       coalesce(s.analyze_count, 0) + coalesce(s.autoanalyze_count, 0) AS analyzes,
       CASE WHEN h.readable THEN coalesce(w.known_columns, 0) END AS known_columns,
       CASE WHEN h.readable AND w.own_columns = a.columns AND a.columns > 0 THEN w.width + a.padding END AS row_width,
       coalesce(w.most_null, 0) AS most_null,
       a.columns,
       EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = h.oid) AS has_children
FROM heaviest AS h
LEFT JOIN pg_catalog.pg_class AS o ON o.oid = h.reltoastrelid
LEFT JOIN widths AS w ON w.schemaname = h.nspname AND w.tablename = h.relname
LEFT JOIN LATERAL (
    SELECT v.*, pg_catalog.to_jsonb(v) AS every FROM pg_catalog.pg_stat_all_tables AS v WHERE v.relid = h.oid
) AS s ON true
LEFT JOIN LATERAL (
    -- The most that a value of fixed length loses to its alignment behind one of less, or of any length.
    SELECT pg_catalog.count(*)::int8 AS columns,
           pg_catalog.sum(CASE WHEN t.attlen < 0 OR t.attalign = t.before THEN 0
                               WHEN t.attalign = 'd' THEN 7
                               WHEN t.attalign = 'i' AND t.before <> 'd' THEN 3
                               WHEN t.attalign = 's' AND t.before = 'c' THEN 1
                               ELSE 0 END)::float8 AS padding
    FROM (
        SELECT c.attlen, c.attalign,
               coalesce(pg_catalog.lag(CASE WHEN c.attlen < 0 THEN 'c' ELSE c.attalign END) OVER (ORDER BY c.attnum),
                        c.attalign) AS before
        FROM pg_catalog.pg_attribute AS c
        WHERE c.attrelid = h.oid AND c.attnum > 0 AND NOT c.attisdropped
    ) AS t
) AS a ON true
ORDER BY h.relpages DESC, h.oid
