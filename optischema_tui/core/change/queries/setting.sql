SELECT s.name, coalesce(s.setting, '') AS setting, coalesce(s.reset_val, '') AS reset_val, coalesce(s.boot_val, '') AS boot_val,
       coalesce(s.unit, '') AS unit, s.vartype, s.context, s.source, coalesce(s.sourcefile, '') AS sourcefile,
       coalesce(s.min_val, '') AS min_val, coalesce(s.max_val, '') AS max_val, coalesce(s.enumvals, '{}') AS enumvals,
       s.pending_restart
FROM pg_settings s WHERE lower(s.name) = lower(%(name)s)
