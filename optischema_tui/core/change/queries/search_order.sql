-- Where this session looks for a name without a schema, in order, its own temporary schema apart.
SELECT ARRAY(SELECT s::text FROM unnest(current_schemas(true)) WITH ORDINALITY AS p (s, n)
             WHERE s NOT LIKE 'pg_temp%%' ORDER BY n) AS schemas
