"""The identity of a statement by its text, for when the server's queryid changes.

The server's queryid is made of the parsed tree: of oids (another one after dump and restore, or when a table is created
anew), of aliases until 17, of the number of IN list elements until 17, and of the version. None of these is in here,
except for aliases, which are text: the same statement of the same program has the same ones.
"""

from __future__ import annotations

import re

from optischema_tui.core.models import digest
from optischema_tui.core.workload.lexer import Token, identifier, significant

LONGEST = 100_000
"""Characters that count; what a collector keeps of a text is no longer."""

_LIST = re.compile(r"(\bin \(|\barray \[) \?(?: :: [\w.]+)?(?: , \?(?: :: [\w.]+)?)+ ([)\]])")
_ROWS = re.compile(r"(\bvalues )(\( [^()]* \))(?: , \2)+")
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_BEFORE_OPERAND = re.compile(r"[-+*/<>=~!@#%^&|,(\[]\Z")
_OPERATOR_WORDS = frozenset((
    "and", "between", "by", "else", "in", "limit", "not", "offset", "on", "or", "select", "then", "values", "when",
    "where",
))  # fmt: skip


def fingerprint(text: str) -> str:
    """16 hex digits, equal for texts that differ in literals, parameters, spacing, comments, letter case, or the
    length of IN lists and VALUES rows only. Texts of more than `LONGEST` characters are told apart by their heads."""
    return digest(normalise(text[:LONGEST]))[:16]


def normalise(text: str) -> str:
    """The text that is hashed: tokens joined by single spaces, every literal and parameter a `?`."""
    out: list[str] = []
    for token in significant(text):
        piece = _piece(token, out)
        if piece == "?" and out and out[-1] in "-+" and _sign_position(out):
            out.pop()
        out.append(piece)
    while out and out[-1] == ";":
        out.pop()
    flat = _LIST.sub(r"\1 ? \2", " ".join(out))
    return _ROWS.sub(r"\1\2", flat)


def _piece(token: Token, before: list[str]) -> str:
    if token.kind in ("string", "number", "param"):
        return "?"
    if token.kind == "quoted":
        name = identifier(token)
        return name if _PLAIN_NAME.match(name) else token.text
    word = token.text.lower()
    if word in ("true", "false", "null") and not (before and before[-1] in ("is", "not")):
        return "?"
    return word


def _sign_position(out: list[str]) -> bool:
    """Whether the sign that ends `out` belongs to the number after it: nothing stands before it that it could join."""
    return len(out) < 2 or out[-2] in _OPERATOR_WORDS or bool(_BEFORE_OPERAND.search(out[-2]))
