-- Who is a member of an owner without inheriting from it (NOINHERIT) works after SET ROLE, with the owner's own rights.
SELECT pg_catalog.count(*)::int8 AS tables,
       pg_catalog.count(*) FILTER (WHERE readable)::int8 AS readable,
       pg_catalog.count(*) FILTER (WHERE owned AND may_create)::int8 AS changeable,
       pg_catalog.count(*) FILTER (WHERE owned)::int8 AS owned,
       pg_catalog.count(*) FILTER (WHERE maintained)::int8 AS maintained,
       pg_catalog.string_agg(DISTINCT schema, E'\n') FILTER (WHERE NOT readable)::text AS unreadable_schemas,
       pg_catalog.string_agg(DISTINCT owner, E'\n') FILTER (WHERE NOT owned)::text AS other_owners,
       pg_catalog.string_agg(DISTINCT owner, E'\n') FILTER (WHERE superuser)::text AS super_owners,
       pg_catalog.string_agg(DISTINCT schema, E'\n') FILTER (WHERE NOT may_create AND inherits)::text AS closed_schemas,
       pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(schema) || ' TO ' || pg_catalog.quote_ident(owner), E'\n')
           FILTER (WHERE NOT may_create AND NOT inherits)::text AS closed_to_owners
FROM (
    SELECT n.nspname::text AS schema,
           pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
           pg_catalog.has_schema_privilege(n.oid, 'USAGE')
               AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
           (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = c.relowner) AS superuser,
           pg_catalog.pg_has_role(c.relowner, 'USAGE') AS inherits,
           pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role(c.relowner, v.become) AS owned,
           CASE WHEN pg_catalog.pg_has_role(c.relowner, 'USAGE')
                THEN pg_catalog.has_schema_privilege(n.oid, 'CREATE')
                ELSE pg_catalog.has_schema_privilege(c.relowner, n.oid, 'CREATE') END AS may_create,
           CASE WHEN v.num >= 170000 THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN')
                ELSE pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role(c.relowner, v.become)
           END AS maintained
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN (
        SELECT num, CASE WHEN num >= 160000 THEN 'SET' ELSE 'MEMBER' END AS become
        FROM (SELECT pg_catalog.current_setting('server_version_num')::int4) AS s (num)
    ) AS v
    WHERE c.relkind IN ('r', 'p', 'm')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname !~ '^pg_(toast|temp)'
    LIMIT 10000
) AS t
