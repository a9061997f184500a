SELECT has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')
       AND has_table_privilege('pg_file_settings', 'SELECT') AS yes
