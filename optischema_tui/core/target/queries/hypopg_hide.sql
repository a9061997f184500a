SELECT {hypopg}.hypopg_hide_index(c.oid)
FROM pg_catalog.unnest({schemas}::text[], {names}::text[]) AS i (schema, name)
JOIN pg_catalog.pg_namespace n ON n.nspname = i.schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = i.name
