SELECT count(*)::int AS standbys FROM pg_stat_replication
