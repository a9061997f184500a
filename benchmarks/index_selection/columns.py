"""Which columns a statement mentions: what plain advisors make candidates of."""

from __future__ import annotations

import re

import psycopg

_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_STRING = re.compile(r"'(?:[^']|'')*'")
CATALOGUE = """
SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped ORDER BY 1, attnum
"""

Column = tuple[str, str]
"""(table, column)"""


def all_columns(session: psycopg.Connection) -> tuple[Column, ...]:
    """Every column of the tables in `public`."""
    return tuple((str(table), str(column)) for table, column in session.execute(CATALOGUE).fetchall())


def mentioned(sql: str, columns: tuple[Column, ...]) -> frozenset[Column]:
    """Columns whose own and whose table's name are words of the text, outside of its strings."""
    words = set(_WORD.findall(_STRING.sub("''", sql.lower())))
    return frozenset((table, column) for table, column in columns if table in words and column in words)
