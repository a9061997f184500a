-- For this transaction: the server then prints every name outside pg_catalog with its schema, whatever a session is set to.
SELECT set_config('search_path', 'pg_catalog', true)
