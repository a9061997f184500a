"""What a statement's text says of it."""

from __future__ import annotations

import pytest

from optischema_tui.core.findings.workload import shape
from optischema_tui.core.findings.workload.facts import LeadingColumn
from optischema_tui.core.findings.workload.predicates import by_name, wrapped_columns

LEADING = by_name((
    LeadingColumn("public", "users", "id", "bigint", "users_pkey", 1000),
    LeadingColumn("public", "users", "email", "text", "users_email", 1000),
    LeadingColumn("public", "users", "name", "character varying", "users_name", 1000),
    LeadingColumn("public", "users", "created", "timestamp with time zone", "users_created", 1000),
    LeadingColumn("public", "users", "code", "character", "users_code", 1000),
    LeadingColumn("public", "logs", "at", "date", "logs_at", 1000, computed=True),
    LeadingColumn("a", "twice", "k", "text", "twice_k", 1000),
    LeadingColumn("b", "twice", "k", "text", "twice_k", 1000),
))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT * FROM users WHERE lower(email) = $1", "function"),
        (
            "SELECT * FROM users u JOIN orders o ON o.user_id = u.id WHERE o.x = $2 AND LOWER(u.email) LIKE $1",
            "function",
        ),
        ('SELECT * FROM "users" WHERE date_trunc($1, "created") = $2', "function"),
        ("SELECT * FROM users WHERE coalesce(email, $1) = $2", "function"),
        ("SELECT * FROM users WHERE created::date = $1", "cast"),
        ("SELECT * FROM public.users WHERE CAST(id AS text) = $1", "cast"),
        ("SELECT * FROM users WHERE id + $1 > $2", "arithmetic"),
        ("SELECT * FROM users WHERE created + interval '1 day' > now()", "arithmetic"),
        ("SELECT * FROM users WHERE id = $1::numeric", "parameter_type"),
        ("SELECT * FROM users WHERE id >= CAST($1 AS numeric)", "parameter_type"),
        ("SELECT * FROM users WHERE code = $1::text", "parameter_type"),
        ("UPDATE users SET x = $1 WHERE upper(email) IN ($2, $3)", "function"),
        ("DELETE FROM users WHERE NOT (extract(year from created) = $1)", "function"),
        ("SELECT 1 FROM t WHERE t.a = $1 AND EXISTS (SELECT 1 FROM users WHERE lower(email) = t.b)", "function"),
        ("SELECT * FROM a.twice WHERE lower(k) = $1", "function"),
    ],
)
def test_wrapped_predicates(text: str, code: str):
    assert [wrapped.code for wrapped in wrapped_columns(text, LEADING)] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM users WHERE email = lower($1)",
        "SELECT lower(email) FROM users WHERE id = $1",
        "SELECT * FROM users WHERE id = $1 ORDER BY lower(email)",
        "SELECT * FROM users WHERE id = $1 GROUP BY date_trunc($2, created) HAVING max(created) > $3",
        "SELECT * FROM users WHERE name::text = $1",
        "SELECT * FROM users WHERE id = $1::bigint",
        "SELECT * FROM users WHERE id = ANY ($1::numeric[])",
        "SELECT * FROM users WHERE id IN ($1, $2)",
        "SELECT * FROM users WHERE created > now() - interval '1 day'",
        "SELECT * FROM users WHERE created >= date_trunc($1, now())",
        "SELECT * FROM users WHERE lower(nick) = $1",
        "SELECT * FROM orders WHERE lower(email) = $1",
        "SELECT * FROM logs WHERE to_char(at, $1) = $2",
        "SELECT * FROM twice WHERE lower(k) = $1",
        "SELECT * FROM users u WHERE lower(o.email) = $1",
        "SELECT * FROM users WHERE id = (SELECT max(id) FROM users)",
        "INSERT INTO users VALUES ($1, lower($2))",
        "SELECT * FROM users WHERE -- lower(email) = 1\n id = $1",
        "SELECT * FROM users WHERE email = 'lower(email) = x'",
    ],
)
def test_predicates_that_an_index_serves_or_that_are_not_known(text: str):
    assert list(wrapped_columns(text, LEADING)) == []


def test_limits_and_offsets():
    assert shape.has_limit("SELECT * FROM t LIMIT $1")
    assert shape.has_limit("SELECT 1 FETCH FIRST $1 ROWS ONLY")
    assert not shape.has_limit("SELECT * FROM (SELECT * FROM t LIMIT $1) x, u")
    assert shape.has_offset("SELECT * FROM t LIMIT $1 OFFSET $2")
    assert not shape.has_offset("SELECT * FROM t LIMIT $1 OFFSET 0")
    assert not shape.has_offset('SELECT "offset" FROM t')


def test_lists():
    text = "SELECT * FROM t WHERE a IN (" + ", ".join(f"${n}" for n in range(1, 301)) + ") AND b = $301"
    assert shape.longest_list(text) == 300
    assert shape.longest_list(text[:200]) > 10  # cut inside the list
    assert shape.longest_list("SELECT * FROM t WHERE a IN (SELECT b FROM u) AND f($1, $2)") == 0
    other = "SELECT * FROM t WHERE a IN ($1, $2) AND b = $3"
    assert shape.without_lists(text) == shape.without_lists(other)
    assert shape.without_lists(other) != shape.without_lists(other.replace("b =", "c ="))


def test_lookups():
    assert shape.is_lookup('SELECT "u"."x" FROM "u" WHERE "u"."id" = $1')
    assert shape.is_lookup("SELECT * FROM a JOIN b ON a.x = b.x WHERE a.id = $1 LIMIT $2")
    assert not shape.is_lookup("SELECT * FROM a WHERE a.id > $1")
    assert not shape.is_lookup("UPDATE t SET a = $1 WHERE id = $2")
    assert not shape.is_query("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone")


@pytest.mark.parametrize(
    "text", ["", "(((", "SELECT '", "WHERE WHERE ON (", "SELECT * FROM a.b.c.d, , WHERE f(", ")))"]
)
def test_broken_texts_are_read_without_harm(text: str):
    assert list(wrapped_columns(text, LEADING)) == []
    assert shape.longest_list(text) == 0
    assert not shape.has_offset(text)
    shape.tables(text)
    shape.without_lists(text)
