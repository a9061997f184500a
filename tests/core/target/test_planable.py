from __future__ import annotations

import pytest

from optischema_tui.core.target.planable import highest_parameter, planable, with_type


@pytest.mark.parametrize(
    ("written", "planned"),
    [
        ("d >= date $1", "d >= CAST($1 AS date)"),
        ("d < date $1 + interval $2 day", "d < CAST($1 AS date) + CAST($2 AS interval day)"),
        ("interval $1 day to second", "CAST($1 AS interval day to second)"),
        ("interval(3) $1", "CAST($1 AS interval(3))"),
        ("timestamp with time zone $1", "CAST($1 AS timestamp with time zone)"),
        ("double precision $1", "CAST($1 AS double precision)"),
        ("numeric(10,2) $1", "CAST($1 AS numeric(10,2))"),
        ("jsonb $1 @> jsonb\n$2", "CAST($1 AS jsonb) @> CAST($2 AS jsonb)"),
        ("extract($1 from o.d) = $2", 'pg_catalog."extract"($1 , o.d) = $2'),
        ("sum(case when a = $1 then $2 else $3 end)",
         "sum(case when a = $1 then CAST($2 AS integer) else CAST($3 AS integer) end)"),
        ("sum(case when a = $1 then b else $3 end)", "sum(case when a = $1 then b else $3 end)"),
        ("count($1)", "count(CAST($1 AS integer))"),
        ("concat(a, $1, $2)", "concat(a, CAST($1 AS text), CAST($2 AS text))"),
        ("generate_series($1, f($2))", "generate_series(CAST($1 AS integer), f($2))"),
        ("x at time zone $1", "x at time zone $1"),
        ("'date $1' || \"date $1\" || $2", "'date $1' || \"date $1\" || $2"),
        ("ORDER BY date LIMIT $1", "ORDER BY date LIMIT $1"),
        ("date - $1", "date - $1"),
    ],
)  # fmt: skip
def test_constants_where_no_parameter_may_stand(written: str, planned: str) -> None:
    assert planable(f"SELECT {written}") == f"SELECT {planned}"


def test_text_without_parameters_stays_as_it_is() -> None:
    sql = "SELECT date '2020-01-01', extract(year from d), count(1) FROM t"
    assert planable(sql) is sql


def test_old_servers_have_no_function_extract() -> None:
    assert planable("SELECT extract($1 from d)", 130000) == "SELECT pg_catalog.date_part($1 , d)"


def test_parameters_are_counted_and_typed_outside_strings_only() -> None:
    sql = "SELECT $2, '$9', $1 -- $8"
    assert highest_parameter(sql) == 2
    assert with_type(sql, 2) == "SELECT CAST($2 AS text), '$9', $1 -- $8"
