from __future__ import annotations

import pytest

from optischema_tui.core.target.scan import scan


def texts(sql: str) -> list[str]:
    return [token.text for token in scan(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'a;b', $1", ["SELECT", "'a;b'", ",", "$1"]),
        ("a /* ; /* nested; */ ; */ b -- ;\n;", ["a", "b", ";"]),
        (r"E'\'; x' ;", [r"E'\'; x'", ";"]),
        (r"'\'; x", [r"'\'", ";", "x"]),
        ("E'a'\n'\\'' ; x", ["E'a'\n'\\''", ";", "x"]),
        ("$t$ ; $ $t $t$ ;", ["$t$ ; $ $t $t$", ";"]),
        ("a$b$c;d", ["a$b$c", ";", "d"]),
        ('"a;""b" U&"x;y"', ['"a;""b"', 'U&"x;y"']),
        (r"1E'\'' ; x", ["1", r"E'\''", ";", "x"]),
        ("'open; end", ["'open; end"]),
        ("/* open; end", []),
        ("$$open; end", ["$$open; end"]),
        ("x\u00a0y;", ["x\u00a0y", ";"]),
    ],
)
def test_semicolons_are_seen_where_the_server_sees_them(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


def test_positions_lead_back_to_the_text() -> None:
    sql = "SELECT /* c */ date $1, 'x' FROM \"t\" -- end"
    assert [sql[token.start : token.end] for token in scan(sql)] == texts(sql)


def test_a_text_of_two_megabytes_is_read() -> None:
    assert len(scan("SELECT '" + "x''\\ " * 400_000 + "'")) == 2
