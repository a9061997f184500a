-- What an expression may run with this role's rights beyond code that the server's owner put there: functions, operators,
-- casts and domains of other roles. An aggregate, a set or a volatile function is no part of an index expression either.
WITH trusted AS (
    SELECT p.oid, p.proname, p.provolatile, p.prokind, p.proretset,
           p.oid < 16384
           OR EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'e')
           OR EXISTS (SELECT FROM pg_roles r WHERE r.oid = p.proowner AND (r.rolsuper OR r.rolname = current_user)) AS yes
    FROM pg_proc p
)
SELECT format('function %%s', t.proname) AS what
FROM trusted t
WHERE t.proname = ANY(%(functions)s::text[])
  AND NOT (t.yes AND t.provolatile <> 'v' AND t.prokind = 'f' AND NOT t.proretset)
UNION ALL
SELECT format('operator %%s', o.oprname)
FROM pg_operator o JOIN trusted t ON t.oid = o.oprcode
WHERE o.oprname = ANY(%(operators)s::text[]) AND NOT t.yes
UNION ALL
SELECT format('cast from %%s', c.castsource::regtype)
FROM pg_cast c JOIN trusted t ON t.oid = c.castfunc
WHERE NOT t.yes
UNION ALL
SELECT format('domain %%s', d.typname)
FROM pg_type d
WHERE d.typtype = 'd' AND d.oid >= 16384 AND d.typname = ANY(%(words)s::text[])
