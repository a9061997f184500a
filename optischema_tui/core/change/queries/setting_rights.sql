SELECT current_user::text AS role, m.rolsuper AS superuser, m.rolsuper AS may_alter_system, m.rolsuper AS may_set,
       has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') AS may_reload,
       has_table_privilege('pg_catalog.pg_file_settings', 'SELECT') AS sees_view,
       has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS sees_function
FROM pg_roles m WHERE m.rolname = current_user AND %(name)s::text IS NOT NULL
