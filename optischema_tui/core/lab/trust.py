"""Which expressions may be evaluated over a target's rows.

An expression comes from a parsed plan, so it names what the application's own statements name; but a function, an
operator, a cast or a domain's check that another role owns would run with the rights of the role that samples. So only
code that came with the server or an extension, or that a superuser or this role itself owns, is ever run, and only in
a read-only session with a statement timeout. Every object of that name counts, whatever its schema: overloading opens
no way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optischema_tui.core.target.scan import Token, scan
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    from psycopg import Connection

PACKAGE = "optischema_tui.core.lab"
LONGEST = 10_000
_OPERATOR = frozenset("+-*/<>=~!@#%^&|`?")
_SUBQUERY = frozenset(("SELECT", "TABLE", "VALUES", "WITH"))


def is_scalar(text: str) -> bool:
    """A single expression over one row: no subquery, no parameter, no second statement, brackets that close."""
    if not text or len(text) > LONGEST or "\x00" in text:
        return False
    depth = 0
    for token in scan(text):
        if token.kind == "param" or token.text == ";" or token.upper in _SUBQUERY:
            return False
        if token.kind in ("string", "name") and not _closed(token.text):
            return False
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if depth < 0:
            return False
    return depth == 0 and not any(mark in text for mark in ("--", "/*"))


def distrusted(connection: Connection[Any], text: str) -> list[str]:
    """What speaks against running the expression: objects of other roles, volatile functions. Driver errors pass."""
    tokens = scan(text)
    names = [_name(token) for token in tokens]
    called = [
        name for name, after in zip(names, [*tokens[1:], None], strict=True) if name and after and after.text == "("
    ]
    query = load(PACKAGE, "sample_trust", connection.info.server_version).encode()
    params = {
        "functions": called,
        "operators": sorted(_operators(tokens)),
        "words": sorted({name for name in names if name}),
    }
    return [str(what) for (what,) in connection.execute(query, params)]


def _closed(text: str) -> bool:
    """A constant or a quoted name in its plain form, of which one can tell that it ends."""
    return text[0] in ("'", '"') and len(text) >= 2 and text.count(text[0]) % 2 == 0


def _name(token: Token) -> str:
    """The name that a word or a quoted identifier spells; empty for other tokens."""
    if token.kind == "name":
        return token.text[1:-1].replace('""', '"')
    return token.text.lower() if token.kind == "word" else ""


def _operators(tokens: list[Token]) -> set[str]:
    """Every operator that the text can spell: runs of operator characters, and their parts."""
    found: set[str] = set()
    run, end = "", -1
    for token in tokens:
        joined = token.kind == "other" and token.text in _OPERATOR
        if joined and run and token.start == end:
            run += token.text
        else:
            run = token.text if joined else ""
        end = token.end
        found |= {run[at:] for at in range(len(run))}
    return found
