-- The frame of every family's query: one row at least, so that the server's clock is known also where nothing is found;
-- `in_all`, the number of rows there are, is NULL then. {reset} is when the counters began to count, {body} the family's query.
SELECT h.server_clock, h.reset, t.*
FROM (
    SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8 AS server_clock,
           extract(epoch FROM {reset})::float8 AS reset
    OFFSET 0
) AS h
LEFT JOIN (
{body}
) AS t ON true
