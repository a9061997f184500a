SELECT pg_try_advisory_lock(1330860097, hashtext(%(key)s)) AS locked
