-- Takes ACCESS SHARE on the tables of the view for the length of this statement.
SELECT pg_get_viewdef(%(oid)s::oid) AS definition
