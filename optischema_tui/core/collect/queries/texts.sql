-- $1 userids, $2 dbids, $3 queryids: what is asked for, most wanted first. $4 characters kept of one text, $5 budget in
-- bytes of all texts; what does not fit is not answered, but the first always is. Texts go as bytes.
-- IS TRUE keeps the planner from making a join of it, which would sort the texts of all statements.
SELECT found.userid,
       found.dbid,
       found.queryid,
       found.toplevel,
       pg_catalog.textsend(found.text) AS text,
       found.truncated,
       found.position,
       pg_catalog.pg_get_userbyid(found.userid::oid)::text AS role,
       d.datname::text AS database,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding
FROM (
    SELECT w.userid,
           w.dbid,
           w.queryid,
           {toplevel} AS toplevel,
           pg_catalog.left(s.query, $4::int4) AS text,
           pg_catalog.length(s.query) > $4::int4 AS truncated,
           w.position,
           pg_catalog.sum(least(pg_catalog.octet_length(s.query), $4::int4)) OVER (ORDER BY w.position, {toplevel})
               AS bytes
    FROM ROWS FROM (pg_catalog.unnest($1::int8[]), pg_catalog.unnest($2::int8[]), pg_catalog.unnest($3::int8[]))
         WITH ORDINALITY AS w (userid, dbid, queryid, position)
    JOIN (
        SELECT t.*
        FROM {schema}.pg_stat_statements(true) AS t
        WHERE (t.queryid IN (SELECT pg_catalog.unnest($3::int8[]))) IS TRUE
        OFFSET 0
    ) AS s
      ON s.queryid = w.queryid AND s.userid::int8 = w.userid AND s.dbid::int8 = w.dbid
) AS found
LEFT JOIN pg_catalog.pg_database d ON d.oid = found.dbid::oid
WHERE found.bytes <= $5::int8 OR found.position = 1
