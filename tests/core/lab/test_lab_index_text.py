"""CREATE INDEX statements read into the canonical form."""

from __future__ import annotations

import pytest

from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.index_text import read_index
from optischema_tui.core.models import IndexSpec


def read(sql: str) -> IndexSpec:
    return read_index(sql, lambda table: f"schema of {table}")


@pytest.mark.parametrize(
    ("sql", "spec"),
    [
        ("create index on t (a)", IndexSpec("schema of t", "t", ("a",))),
        (
            'CREATE INDEX CONCURRENTLY IF NOT EXISTS "x y" ON ONLY s.T USING btree ("A ""b", c ASC) ; ',
            IndexSpec("s", "t", ('A "b', "c")),
        ),
        (
            "CREATE INDEX i ON s.t (a DESC, b NULLS FIRST, c DESC NULLS FIRST, d DESC NULLS LAST)",
            IndexSpec("s", "t", tuple("abcd"), descending=(True, False, True, True), nulls=("", "FIRST", "", "LAST")),
        ),
        (
            "create index on s.t (lower(a), (b || ', )' || c) desc, x.f(d, 'e'))"
            ' include (g, "H") where n > 3 and (o)',
            IndexSpec(
                "s",
                "t",
                ("(lower(a))", "(b || ', )' || c)", "(x.f(d, 'e'))"),
                descending=(False, True, False),
                include=("g", "H"),
                predicate="n > 3 and (o)",
                computed=(True, True, True),
            ),
        ),
        (
            "create index on s.t using gin (a public.gin_trgm_ops, b)",
            IndexSpec("s", "t", ("a", "b"), method="gin", opclasses=("public.gin_trgm_ops", "")),
        ),
        (
            'create index on s.t (a collate "C" text_pattern_ops desc, b collate pg_catalog."de-x-icu")',
            IndexSpec(
                "s",
                "t",
                ('(a collate "C")', '(b collate pg_catalog."de-x-icu")'),
                descending=(True, False),
                computed=(True, True),
                opclasses=("text_pattern_ops", ""),
            ),
        ),
        ("create /* ( */ index on s.t -- , b\n (a)", IndexSpec("s", "t", ("a",))),
    ],
)
def test_what_is_read(sql: str, spec: IndexSpec) -> None:
    assert read(sql) == spec


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("", "CREATE is missing"),
        ("CREATE TABLE t (a int)", "INDEX is missing"),
        ("CREATE UNIQUE INDEX ON t (a)", "UNIQUE"),
        ("CREATE INDEX ON t (a", "not closed"),
        ("CREATE INDEX ON t ()", "empty"),
        ("CREATE INDEX ON t (a,)", "empty"),
        ("CREATE INDEX ON (a)", "name is missing"),
        ("CREATE INDEX x t (a)", "ON is missing"),
        ("CREATE INDEX ON t (a) WITH (fillfactor = 70)", "WITH is not tried"),
        ("CREATE INDEX ON t (a) TABLESPACE x", "TABLESPACE is not tried"),
        ("CREATE INDEX ON t (a) WITH (70)", "parameters"),
        ("CREATE INDEX ON t (a) NULLS LAST", "DISTINCT is missing"),
        ("CREATE INDEX ON t (a) LATER", "LATER is not understood"),
        ("CREATE INDEX ON t (a); DROP TABLE t", "; is not understood"),
        ("CREATE INDEX ON t (a || b)", "operator class"),
        ("CREATE INDEX ON t (a gist_ops (siglen = 4))", "operator class"),
        ("CREATE INDEX ON t (a) WHERE", "condition"),
        ("CREATE INDEX ON t (a) WHERE b; DROP TABLE t", "one statement"),
    ],
)
def test_what_is_refused(sql: str, why: str) -> None:
    with pytest.raises(LabError, match=why):
        read(sql)
