SELECT w.name, current_setting(w.name) AS value
FROM unnest(%(names)s::text[]) AS w (name)
