SELECT p.pid, coalesce(p.relid, 0)::bigint AS relid, coalesce(p.index_relid, 0)::bigint AS index_relid,
       coalesce(p.command, '') AS command, coalesce(a.application_name, '') AS application_name
FROM pg_stat_progress_create_index p LEFT JOIN pg_stat_activity a ON a.pid = p.pid
WHERE p.datname = current_database() AND p.pid <> pg_backend_pid()
  AND (p.relid IS NULL OR p.relid = %(relation)s::bigint::oid)
