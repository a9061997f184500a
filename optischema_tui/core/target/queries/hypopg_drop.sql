SELECT {hypopg}.hypopg_drop_index(o.oid) FROM pg_catalog.unnest({oids}::oid[]) AS o (oid)
