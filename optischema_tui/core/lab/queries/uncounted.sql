-- For the transaction: what it reads is not counted as use. Refused to most roles that are no superuser.
SELECT set_config('track_counts', 'off', true)
