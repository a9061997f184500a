"""The identity of a statement by its text, for when the server's queryid changes (upgrade, table re-created)."""

from __future__ import annotations

import re

from optischema_tui.core.models import digest
from optischema_tui.core.workload.lexer import Token, identifier, significant

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
    length of IN lists and VALUES rows only."""
    return digest(normalise(text))[:16]


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
    if word in ("true", "false") and not (before and before[-1] in ("is", "not")):
        return "?"
    return word


def _sign_position(out: list[str]) -> bool:
    """Whether the sign that ends `out` belongs to the number after it: nothing stands before it that it could join."""
    return len(out) < 2 or out[-2] in _OPERATOR_WORDS or bool(_BEFORE_OPERAND.search(out[-2]))
