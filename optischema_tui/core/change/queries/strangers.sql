-- Functions, operators and types of these names outside pg_catalog that neither a superuser, nor an extension, nor the
-- table's owner has made: the server might take one of them, and would run it with the owner's rights.
SELECT named.kind, quote_ident(n.nspname) || '.' || named.name AS name, pg_get_userbyid(named.owner)::text AS owner
FROM (SELECT 'function' AS kind, p.oid, p.proname::text AS name, p.pronamespace AS schema, p.proowner AS owner
      FROM pg_proc p WHERE p.proname = ANY (%(functions)s::text[])
      UNION ALL
      SELECT 'operator', o.oid, o.oprname::text, o.oprnamespace, o.oprowner
      FROM pg_operator o WHERE o.oprname = ANY (%(operators)s::text[])
      UNION ALL
      SELECT 'type', t.oid, t.typname::text, t.typnamespace, t.typowner
      FROM pg_type t WHERE t.typname = ANY (%(types)s::text[]) AND t.typtype <> 'e') AS named
JOIN pg_namespace n ON n.oid = named.schema
JOIN pg_roles r ON r.oid = named.owner
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT r.rolsuper
  AND named.owner <> (SELECT c.relowner FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
                      WHERE s.nspname = %(schema)s AND c.relname = %(table)s)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = named.oid AND d.deptype = 'e')
ORDER BY 1, 2
LIMIT 3
