SELECT pg_catalog.count(*)::int8 AS tables,
       pg_catalog.count(*) FILTER (WHERE readable)::int8 AS readable,
       pg_catalog.count(*) FILTER (WHERE pg_catalog.pg_has_role(relowner, 'USAGE') AND may_create)::int8 AS changeable,
       pg_catalog.string_agg(DISTINCT schema, E'\n') FILTER (WHERE NOT readable)::text AS unreadable_schemas,
       pg_catalog.string_agg(DISTINCT pg_catalog.pg_get_userbyid(relowner)::text, E'\n')
           FILTER (WHERE NOT pg_catalog.pg_has_role(relowner, 'USAGE'))::text AS other_owners,
       pg_catalog.string_agg(DISTINCT schema, E'\n') FILTER (WHERE NOT may_create)::text AS closed_schemas
FROM (
    SELECT c.relowner,
           n.nspname::text AS schema,
           pg_catalog.has_schema_privilege(n.oid, 'USAGE')
               AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
           pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname !~ '^pg_(toast|temp)'
    LIMIT 10000
) AS t
