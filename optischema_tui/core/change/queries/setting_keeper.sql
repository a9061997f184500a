-- Signs of a program that writes this server's configuration itself. Patroni gives the settings of its cluster, and the
-- cluster's name, on the command line.
SELECT coalesce((SELECT setting FROM pg_settings WHERE name = 'cluster_name' AND source = 'command line'), '') AS cluster_name,
       (SELECT count(*) FROM pg_settings
        WHERE source = 'command line'
          AND name IN ('max_connections', 'max_locks_per_transaction', 'max_prepared_transactions', 'max_replication_slots',
                       'max_wal_senders', 'max_worker_processes', 'track_commit_timestamp', 'wal_level', 'wal_log_hints'))::int
           AS cluster_settings,
       coalesce((SELECT setting FROM pg_settings WHERE name = 'config_file'), '') AS config_file,
       coalesce((SELECT setting FROM pg_settings WHERE name = 'allow_alter_system'), 'on') AS allow_alter_system
