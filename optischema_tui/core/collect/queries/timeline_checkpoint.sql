SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()
