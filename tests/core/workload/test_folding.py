"""Literals taken out of statements, variants made one, and sentences that do not quote the values."""

from __future__ import annotations

import time

import pytest

from optischema_tui.core.workload.discretion import Discretion
from optischema_tui.core.workload.folding import MOST_SAMPLES, folded
from optischema_tui.core.workload.lexer import tokens
from optischema_tui.core.workload.statement import WorkloadStatement, text_id
from optischema_tui.core.workload.valueless import valueless
from optischema_tui.core.workload.workload_file import parse


def statement(sql: str, calls: int = 1, mean_ms: float = 1.0) -> WorkloadStatement:
    return WorkloadStatement(sql, calls, mean_ms, text_id(sql))


@pytest.mark.parametrize(
    ("sql", "without"),
    [
        ("SELECT 'a', E'b\\'', U&'c' UESCAPE '!', N'd', B'1', x'f'", "SELECT $1, $2, $3, $4, $5, $6"),
        ("SELECT $t$a'b$t$, $$c$$, 'd'\n  'e'", "SELECT $1, $2, $3"),
        ("SELECT 1, .5, 1e-5, 0xff, 1_000", "SELECT $1, $2, $3, $4, $5"),
        ("SELECT a FROM t WHERE a = -5 AND b - 5 > +3", "SELECT a FROM t WHERE a = $1 AND b - $2 > $3"),
        ("SELECT DATE '2020-01-01' - INTERVAL '3' DAY", "SELECT DATE $1 - INTERVAL $2 DAY"),
        ("SELECT a FROM t WHERE a IN (1, -2,3) AND b IN ('x')",
         "SELECT a FROM t WHERE a IN ($1 /*, ... */) AND b IN ($2)"),
        ("SELECT a FROM t WHERE a = ANY (ARRAY['a', 'b']::text[])",
         "SELECT a FROM t WHERE a = ANY (ARRAY[$1 /*, ... */]::text[])"),
        ("SELECT a FROM t WHERE a IN ('1'::int, '2'::int)", "SELECT a FROM t WHERE a IN ($1 /*, ... */::int)"),
        ("SELECT a FROM t WHERE a IN (SELECT 1)", "SELECT a FROM t WHERE a IN (SELECT $1)"),
        ("INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', DEFAULT) RETURNING 3",
         "INSERT INTO t VALUES ($1, $2, NULL) /*, ... */ RETURNING $3"),
        ("SELECT a, b FROM t GROUP BY 1, 2 HAVING max(c) > 7 ORDER BY 2 DESC, a + 3 LIMIT 10 OFFSET 20",
         "SELECT a, b FROM t GROUP BY 1, 2 HAVING max(c) > $1 ORDER BY 2 DESC, a + $2 LIMIT 10 OFFSET 20"),
        ("SELECT CAST(a AS numeric(10,2)), b::varchar(20), 7", "SELECT CAST(a AS numeric(10,2)), b::varchar(20), $1"),
        ("SELECT a FROM t WHERE a = $1 AND b = 'x'", "SELECT a FROM t WHERE a = $1 AND b = $2"),
        ("SELECT /* secret */ a -- secret\nFROM t WHERE \"a 'b'\" = 1", "SELECT a FROM t WHERE \"a 'b'\" = $1"),
        ("SELECT a FROM t WHERE b IS NULL AND NOT d = false", "SELECT a FROM t WHERE b IS NULL AND NOT d = false"),
        ("ALTER ROLE a PASSWORD 'secret'", "ALTER ROLE a PASSWORD $1"),
        ("DO $$ secret $$", "DO $1"),
        ("SELECT 'secret", "SELECT $1"),
        ("SELECT a FROM t FETCH FIRST 3 ROWS ONLY", "SELECT a FROM t FETCH FIRST 3 ROWS ONLY"),
    ],
)  # fmt: skip
def test_a_text_without_its_literals(sql: str, without: str) -> None:
    assert valueless(sql).sql == without
    assert valueless(without).sql == without
    assert not any(each.kind == "string" for each in tokens(without))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("SELECT a FROM t WHERE a IN (1)", "select  A from T where a in (-1,\n2,3)", True),
        ("SELECT a FROM t LIMIT 5", "SELECT a FROM t LIMIT 9", True),
        ("INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (1, 'a'), (2, 'b')", True),
        ("SELECT a FROM t WHERE a = 1", "SELECT a FROM t WHERE a = $1", True),
        ("SELECT a, b FROM t ORDER BY 1", "SELECT a, b FROM t ORDER BY 2", False),
        ("SELECT a FROM t WHERE a = 1", "SELECT a FROM t WHERE b = 1", False),
        ('SELECT "A" FROM t', 'SELECT "a" FROM t', False),
    ],
)
def test_which_texts_are_one_statement(one: str, other: str, same: bool) -> None:
    assert (len(folded([statement(one), statement(other)])) == 1) is same


def test_ten_thousand_variants_are_one_statement_with_a_few_samples() -> None:
    text = "".join(
        f"-- calls: {n % 7 + 1} mean_ms: 2\nSELECT a FROM t WHERE b = {n} AND c = 'x{n}';\n" for n in range(10_000)
    )
    variants = parse(text)
    (one,) = folded(variants)

    assert one.sql == "SELECT a FROM t WHERE b = $1 AND c = $2"
    assert one.calls == sum(each.calls for each in variants)
    assert one.total_ms == pytest.approx(sum(each.total_ms for each in variants))
    assert len(one.samples) == MOST_SAMPLES
    assert sum(sample.weight for sample in one.samples) == pytest.approx(1.0)
    assert {sample.sql for sample in one.samples} <= {each.sql for each in variants}
    (backwards,) = folded(reversed(variants))
    assert (backwards, backwards.samples) == (one, one.samples)
    assert "x1" not in repr(one)


def test_the_heaviest_variants_are_the_samples() -> None:
    light = [statement(f"SELECT a FROM t WHERE b = {n}") for n in range(100)]
    (one,) = folded([*light, statement("SELECT a FROM t WHERE b = 1000", 5, 300.0)])
    assert one.samples[0].sql.endswith("1000")
    assert one.samples[0].weight == pytest.approx(5 / (5 + MOST_SAMPLES - 1))


def test_a_statement_without_literals_stays_as_it_is() -> None:
    known = WorkloadStatement("SELECT a\n  FROM t WHERE b = $1", 3, 2.0, 4711, rows_per_call=2.0, role="app")
    (one,) = folded([known])
    assert (one, one.samples, one.role) == (known, (), "app")


def test_long_texts_take_linear_time() -> None:
    def seconds(members: int) -> float:
        rows = ", ".join(f"({n}, 'x')" for n in range(members))
        sql = f"INSERT INTO t VALUES {rows}; SELECT {'(' * members}1{')' * members} IN ({', '.join(['1'] * members)})"
        begun = time.perf_counter()
        valueless(sql)
        return time.perf_counter() - begun

    seconds(100)
    assert seconds(10_000) < 40 * seconds(1_000)


def test_what_a_server_says_is_told_without_the_values() -> None:
    (one,) = folded([statement("SELECT a FROM t WHERE b = 'se\"cret' AND c = 8675309 AND d LIKE 'hidden%'")])
    discretion = Discretion([one])

    said = discretion.refusal('invalid input syntax for type integer: "se"cret"', one.sql)
    assert said == 'invalid input syntax for type integer: "..."'
    assert discretion.refusal('column "b" does not exist', one.sql) == 'column "b" does not exist'
    assert discretion.refusal("regular expression hidden% fails", one.sql) == "regular expression ... fails"
    assert discretion.sentence("t: (d ~~ 'hidden'::text), c = 8675309: the table's 12 pages, that's few") == (
        "t: (d ~~ '...'::text), c = '...': the table's 12 pages, that's few"
    )
    kept = "CREATE INDEX i ON t (a) WHERE c = 8675309 AND state = 'new'"
    assert discretion.sentence("It holds c = 8675309, state = 'new'", (kept,)) == "It holds c = 8675309, state = 'new'"


def test_without_a_file_sentences_stay() -> None:
    assert Discretion([statement("SELECT 'x'")]).sentence("state = 'new'") == "state = 'new'"
