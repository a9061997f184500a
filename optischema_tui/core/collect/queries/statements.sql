-- Counters without text: with it, every call would read the whole file of texts. {columns} and {schema} are filled in
-- from what the server really has.
SELECT {columns}, {signature}
FROM {schema}.pg_stat_statements(false) AS s
