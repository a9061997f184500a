SELECT pg_catalog.date_part('epoch', greatest(pg_catalog.pg_stat_get_bgwriter_stat_reset_time(),
                                              pg_catalog.pg_stat_get_checkpointer_stat_reset_time()))
