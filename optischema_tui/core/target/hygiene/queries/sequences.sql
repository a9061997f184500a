-- Sequences with the column that takes their numbers (owned by it, or in its default), the fullest first. `last` is
-- NULL where this role may not read it, or nothing was drawn yet.
SELECT every.* FROM (
    SELECT n.nspname::text AS schema,
           c.relname::text AS name,
           pg_catalog.format_type(q.seqtypid, NULL) AS type,
           q.seqmin::numeric AS minimum,
           q.seqmax::numeric AS maximum,
           q.seqstart::numeric AS start,
           q.seqincrement::int8 AS increment,
           q.seqcycle AS cycles,
           CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT,USAGE')
                 -- A standby has nothing of an unlogged one, and some versions raise an error.
                 AND (c.relpersistence = 'p' OR NOT pg_catalog.pg_is_in_recovery())
                THEN pg_catalog.pg_sequence_last_value(c.oid) END::numeric AS last,
           pg_catalog.has_sequence_privilege(c.oid, 'SELECT,USAGE') AS readable,
           u.relid::int8 AS relid,
           u.table_schema::text AS table_schema,
           u.table_name::text AS table_name,
           u.column_name::text AS column_name,
           u.column_type AS column_type,
           u.column_maximum AS column_maximum
    FROM pg_catalog.pg_sequence AS q
    JOIN pg_catalog.pg_class AS c ON c.oid = q.seqrelid AND c.relpersistence <> 't'
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT t.oid AS relid, tn.nspname AS table_schema, t.relname AS table_name, a.attname AS column_name,
               pg_catalog.format_type(a.atttypid, NULL) AS column_type,
               CASE a.atttypid WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
                               WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647
                               WHEN 'pg_catalog.int8'::pg_catalog.regtype THEN 9223372036854775807
               END::numeric AS column_maximum
        FROM (
            SELECT d.refobjid AS relid, d.refobjsubid AS attnum
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.objid = c.oid
              AND d.objsubid = 0
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjsubid > 0
              AND d.deptype IN ('a', 'i')
            UNION
            SELECT f.adrelid, f.adnum
            FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_attrdef AS f ON f.oid = d.objid
            WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = c.oid
        ) AS uses
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = uses.relid AND a.attnum = uses.attnum AND NOT a.attisdropped
        JOIN pg_catalog.pg_class AS t ON t.oid = uses.relid
        JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
        ORDER BY column_maximum NULLS LAST, t.oid, a.attnum
        LIMIT 1
    ) AS u ON true
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
) AS every
ORDER BY every.last / nullif(least(every.maximum, every.column_maximum), 0) DESC NULLS LAST, every.schema, every.name
LIMIT 500
