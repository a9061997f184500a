-- The statistics of tables that this role may select from.
SELECT c.oid AS relation, a.attnum AS number, s.attname::text AS column, s.inherited,
       s.null_frac, s.avg_width AS width, s.n_distinct,
       s.most_common_vals::text AS common_values, s.most_common_freqs::text AS common_freqs,
       s.histogram_bounds::text AS histogram, s.correlation,
       s.most_common_elems::text AS common_elements, s.most_common_elem_freqs::text AS common_element_freqs,
       s.elem_count_histogram::text AS element_counts,
       NULL::text AS range_lengths, NULL::real AS range_empty_frac, NULL::text AS range_bounds
FROM pg_stats s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
ORDER BY c.oid, a.attnum, s.inherited
