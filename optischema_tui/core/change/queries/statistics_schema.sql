-- Where a statistics object of that name is found when no schema is written; NULL when it is nowhere in the search path.
SELECT (SELECT n.nspname::text FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
        WHERE s.stxname = %(name)s AND pg_statistics_obj_is_visible(s.oid)) AS schema
