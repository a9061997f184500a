SELECT NULL::float8 AS reset
