SELECT r.rolname::text AS role, r.rolsuper AS superuser, r.rolname = current_user AS self, m.rolcreaterole AS may_create_roles,
       m.rolcreaterole AS administers
FROM pg_roles r, pg_roles m WHERE r.rolname = %(role)s AND m.rolname = current_user
