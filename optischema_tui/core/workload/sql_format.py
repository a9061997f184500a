"""SQL laid out for reading. Display only: what runs is never taken from here."""

from __future__ import annotations

import re

from optischema_tui.core.safe_text import clean
from optischema_tui.core.workload.lexer import significant

LONGEST = 20_480
"""Characters: a longer text is shown as it is, because parsing it would keep the person waiting."""

_QUERY = re.compile(r"[\s(]*(?:select|with|insert|update|delete|merge|values|table)\b", re.IGNORECASE)
_TYPED_PARAMETER = re.compile(r"(?i)\b(?:date|time|timetz|timestamp|timestamptz|interval)\s+\$\d")
"""`date $1` is what pg_stat_statements makes of a typed literal; the parser would read it as an alias."""


def pretty(text: str) -> str:
    """`text` in plain lines, cleaned for showing. As it came when it is too long, cannot be parsed, or would lose
    a parameter, a literal or a comment on the way."""
    raw = clean(text).strip()
    if len(text) > LONGEST or not _QUERY.match(text) or _TYPED_PARAMETER.search(text):
        return raw
    formatted = _format(text)
    if formatted is None or _kept(formatted) != _kept(text):
        return raw
    return clean(formatted)


def _format(text: str) -> str | None:
    import logging

    import sqlglot
    from sqlglot import errors, exp

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its warnings would be printed over the screen
    try:
        trees = sqlglot.parse(text, read="postgres")
        if any(tree is None or isinstance(tree, exp.Command) for tree in trees):
            return None
        return ";\n".join(tree.sql(dialect="postgres", pretty=True) for tree in trees if tree is not None)
    except (errors.SqlglotError, RecursionError, ValueError):
        return None


def _kept(text: str) -> list[str]:
    """What must survive the layout: parameters, strings and numbers, in any order."""
    return sorted(token.text for token in significant(text) if token.kind in ("param", "string", "number"))
