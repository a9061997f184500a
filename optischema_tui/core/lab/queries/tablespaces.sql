-- Tablespaces with planner costs of their own, and how many relations of this database lie in each.
SELECT t.spcname::text AS name, t.spcoptions::text[] AS options, t.oid = d.dattablespace AS is_default,
       (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.reltablespace = t.oid AND c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't'
          AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema') AS relations
FROM pg_tablespace t
JOIN pg_database d ON d.datname = current_database()
WHERE t.spcoptions IS NOT NULL
ORDER BY t.spcname
