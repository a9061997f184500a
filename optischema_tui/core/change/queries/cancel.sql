SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %(pid)s AND application_name = %(application)s
