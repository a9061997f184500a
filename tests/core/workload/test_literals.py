"""What the server leaves in the texts of utility statements is taken out; nothing else is touched."""

from __future__ import annotations

import pytest

from optischema_tui.core.workload.literals import without_literals


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("COPY (SELECT 'a''b', 7) TO STDOUT", "COPY (SELECT ?, 7) TO STDOUT"),
        ("ALTER ROLE a PASSWORD E'x\\'y'", "ALTER ROLE a PASSWORD ?"),
        ("DO $$ BEGIN PERFORM 'x'; RAISE $a$it's$a$; END $$", "DO $$ BEGIN PERFORM ?; RAISE $a$it?$a$; END $$"),
        ("DO $b$ 'open", "DO $b$ ?"),
        ("CALL p('x', 'y')", "CALL p(?, ?)"),
        ("COPY t FROM 'unclosed", "COPY t FROM ?"),
        ("/* 'c' */ SET a = 'x'", "/* 'c' */ SET a = ?"),
        ("CREATE TABLE \"it's\" (a text DEFAULT 'x')", 'CREATE TABLE "it\'s" (a text DEFAULT ?)'),
    ],
)
def test_utility_statements(text: str, told: str) -> None:
    assert without_literals(text) == told


@pytest.mark.parametrize(
    "text",
    ["SELECT 'x' FROM t WHERE a = $1", "-- 'c'\n(WITH a AS (SELECT 1) SELECT 'x')", "insert into t values ('x')", ""],
)
def test_what_the_server_has_normalised_stays(text: str) -> None:
    assert without_literals(text) == text
