-- What the configuration files say about one setting, in the order in which the server reads them: the last one holds.
SELECT f.sourcefile ~ '[/\\]postgresql\.auto\.conf$' AS auto, coalesce(f.sourcefile, '') AS file, f.sourceline AS line,
       coalesce(f.setting, '') AS setting, f.applied, coalesce(f.error, '') AS error
FROM pg_file_settings f WHERE lower(f.name) = lower(%(name)s) ORDER BY f.seqno
