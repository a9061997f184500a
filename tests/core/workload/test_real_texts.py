"""Lexer, fingerprint, workload file and statements."""

from __future__ import annotations

import time

import pytest

from optischema_tui.core.errors import UsageError
from optischema_tui.core.models import QueryRow, StatementKey
from optischema_tui.core.workload.fingerprint import fingerprint, normalise
from optischema_tui.core.workload.lexer import tokens
from optischema_tui.core.workload.statement import from_rows
from optischema_tui.core.workload.workload_file import parse


@pytest.mark.parametrize(
    ("sql", "last", "closed"),
    [
        ("SELECT 'it''s'", "'it''s'", True),
        ("SELECT E'a\\'b'", "E'a\\'b'", True),
        ("SELECT E'a\\\\'", "E'a\\\\'", True),
        ("SELECT 'a''", "'a''", False),
        ("SELECT E'a\\'", "E'a\\'", False),
        ("SELECT ''", "''", True),
        ("SELECT $$a;$b$;$$", "$$a;$b$;$$", True),
        ("SELECT $x$ $$ $x$", "$x$ $$ $x$", True),
        ("SELECT $x$ $$", "$x$ $$", False),
        ('SELECT "a""b"', '"a""b"', True),
        ('SELECT "a', '"a', False),
        ("SELECT /* a /* b */ c */", "/* a /* b */ c */", True),
        ("SELECT /* a /* b */", "/* a /* b */", False),
        ("SELECT -- x; '", "-- x; '", True),
        ("SELECT U&'d\\0061'", "U&'d\\0061'", True),
        ("SELECT $12", "$12", True),
        ("SELECT a$1", "a$1", True),
    ],
)
def test_tokens(sql, last, closed):
    found = list(tokens(sql))

    assert "".join(token.text for token in found) == sql
    assert (found[-1].text, found[-1].closed) == (last, closed)


def test_two_megabytes_are_cut_in_linear_time():
    for piece in ("'", "(", "/*", "$a", '""', "E'\\"):
        assert sum(len(token.text) for token in tokens(piece * 100_000)) == len(piece) * 100_000


def test_a_long_workload_file_is_read_in_linear_time():
    def seconds(statements: int) -> float:
        text = "-- calls: 3\nSELECT a FROM t WHERE b = 1;\n" * statements
        begun = time.process_time()
        assert len(parse(text)) == statements
        return time.process_time() - begun

    ratio = min(seconds(16_000) / seconds(1_000) for _ in range(2))
    assert ratio < 40, f"16 times the statements take {ratio:.0f} times as long"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT * FROM t WHERE a = 1", "select *  from T where a=$1 -- x"),
        ("SELECT 'a' FROM t", "SELECT /* c */ E'b\\'' FROM t;"),
        ("SELECT 1 FROM t WHERE a IN (1, 2, 3)", "SELECT $1 FROM t WHERE a IN ($2 /*, ... */)"),
        ("SELECT 1 FROM t WHERE a IN (1,2)", "SELECT 1 FROM t WHERE a IN (5)"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES ($1, $2)"),
        ("SELECT a = -1", "SELECT a = $1"),
        ("SELECT ARRAY[1,2]", "SELECT ARRAY[$1]"),
        ('SELECT "a" FROM t', "SELECT A FROM t"),
        ("SELECT true", "SELECT false"),
        ("UPDATE t SET a = NULL", "UPDATE t SET a = $1"),
    ],
)
def test_one_statement_in_two_spellings(one, other):
    assert normalise(one) == normalise(other)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t", "SELECT b FROM t"),
        ('SELECT "A" FROM t', "SELECT a FROM t"),
        ("SELECT f(1, 2)", "SELECT f(1)"),
        ("SELECT a - 1", "SELECT a + 1"),
        ("SELECT a IS TRUE", "SELECT a IS FALSE"),
        ("SELECT a IS NOT NULL", "SELECT a IS NOT TRUE"),
        ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b > 1"),
    ],
)
def test_two_statements(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_a_workload_file():
    found = parse(
        "\ufeff-- the heavy ones\n-- calls: 5 mean_ms: 2.5\nSELECT 'a;b', $$;$$ /* ; /* */ */;\n"
        "-- mean_ms: 3, calls: 4\nSELECT 2 -- trailing; comment\n;;\n-- CALLS: 7\nUPDATE t SET a = $1;\nSET x = 1"
    )

    assert [(each.sql, each.calls, each.mean_ms) for each in found] == [
        ("SELECT 'a;b', $$;$$ /* ; /* */ */", 5, 2.5),
        ("SELECT 2 -- trailing; comment", 4, 3.0),
        ("UPDATE t SET a = $1", 7, 1.0),
        ("SET x = 1", 1, 1.0),
    ]
    assert found[0].total_ms == 12.5
    assert len({each.queryid for each in found}) == 4
    assert all(0 < each.queryid < 2**63 for each in found)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", None, "no statement"),
        ("-- only a comment\n;;", None, "no statement"),
        ("SELECT 1;\n-- calls: 3\n", 2, "no statement"),
        ("-- calls: many\nSELECT 1", 1, "calls"),
        ("-- calls: 0\nSELECT 1", 1, "calls"),
        ("-- calls: 1.5\nSELECT 1", 1, "calls"),
        ("SELECT 0;\n\n-- mean_ms: nan\nSELECT 1", 3, "mean_ms"),
        ("-- mean_ms: -1\nSELECT 1", 1, "mean_ms"),
        ("-- calls: 1 foo\nSELECT 1", 1, "cannot be read"),
        ("-- calls: 1\n-- calls: 2\nSELECT 1", 2, "twice"),
        ("SELECT 1\n-- calls: 2\n;", 2, "inside a statement"),
        ("SELECT 1;\nSELECT 'a", 2, "does not end"),
        ("SELECT 1;\n\n/* a", 3, "does not end"),
        ("SELECT $x$ a", 1, "does not end"),
    ],
)
def test_a_workload_file_with_a_mistake(text, line, word):
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert word in caught.value.sentence
    assert line is None or f"Line {line} " in caught.value.sentence


def row(queryid: int, text: str, calls: int, total: float, role: str = "", truncated: bool = False) -> QueryRow:
    return QueryRow(
        StatementKey(len(role), 5, queryid), text, role, "shop", calls, total, total / max(1, calls), 0, 0, 0, 0, None,
        0, 0, 0, 100, truncated=truncated,
    )  # fmt: skip


def test_rows_of_one_queryid_are_one_statement():
    found = from_rows(
        [
            row(1, "SELECT 1", 10, 100.0, "a"),
            row(1, "SELECT 1", 30, 60.0, "bb"),
            row(2, "SELECT 2", 1, 900.0),
            row(3, "", 5, 10.0),
            row(4, "SELECT cut", 5, 9.0, truncated=True),
            row(5, "SELECT never", 0, 0.0),
        ]
    )

    assert [each.queryid for each in found] == [2, 1, 3, 4]
    assert (found[1].calls, found[1].mean_ms) == (40, 4.0)
    assert [bool(each.problem) for each in found] == [False, False, True, True]
