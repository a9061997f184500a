SELECT pg_catalog.set_config('client_encoding', $1, false)
