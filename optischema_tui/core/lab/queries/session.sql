-- The reading session: short, read only, and every deparsed name qualified.
SELECT set_config(w.name, w.value, false)
FROM unnest(%(names)s::text[], %(values)s::text[]) WITH ORDINALITY AS w (name, value, position)
ORDER BY w.position
