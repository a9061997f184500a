-- {hypopg} is the extension's schema, quoted.
SELECT d.place::int AS place, h.indexrelid::oid::bigint AS oid, h.indexname::text AS name,
       {hypopg}.hypopg_relation_size(h.indexrelid)::bigint AS size_bytes
FROM pg_catalog.unnest({definitions}::text[]) WITH ORDINALITY AS d (definition, place),
     LATERAL {hypopg}.hypopg_create_index(d.definition) AS h
