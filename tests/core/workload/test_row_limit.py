"""LIMIT $n as the number of rows that a call returned."""

from __future__ import annotations

import pytest

from optischema_tui.core.workload.row_limit import with_limit


@pytest.mark.parametrize(
    ("sql", "rows", "expected"),
    [
        ("SELECT a FROM t WHERE b = $1 ORDER BY c LIMIT $2", 19.2, "SELECT a FROM t WHERE b = $1 ORDER BY c LIMIT 20"),
        ("select a from t limit $1 offset $2", 0.0, "select a from t limit 1 offset $1"),
        ("SELECT a FROM t LIMIT /* $9 */ $1", 3, "SELECT a FROM t LIMIT /* $9 */ 3"),
        ("SELECT (SELECT x FROM u LIMIT $1) FROM t WHERE b = $2", 7, None),
        (
            "SELECT a FROM (SELECT a FROM t LIMIT $1) s LIMIT $2",
            4,
            "SELECT a FROM (SELECT a FROM t LIMIT $1) s LIMIT 4",
        ),
        ("SELECT a FROM t WHERE b = $1 LIMIT $1", 5, None),
        ("SELECT a FROM t WHERE b = 'limit $1'", 5, None),
        ("SELECT a FROM t LIMIT ALL", 5, None),
        ("SELECT a FROM t LIMIT $1 + $2", 5, "SELECT a FROM t LIMIT 5 + $1"),
        ("SELECT a FROM t LIMIT", 5, None),
    ],
)
def test_with_limit(sql: str, rows: float, expected: str | None) -> None:
    assert with_limit(sql, rows) == (sql if expected is None else expected)
