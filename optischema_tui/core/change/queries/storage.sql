-- Storage options of a table and of its TOAST table, in the order in which the server keeps them; NULL for none.
SELECT c.reloptions AS "table", t.oid IS NOT NULL AS has_toast, t.reloptions AS toast
FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
WHERE c.oid = %(relation)s::bigint::oid
