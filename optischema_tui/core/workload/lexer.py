"""SQL text cut into tokens as PostgreSQL's scanner cuts it: fast, tolerant, without a grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Token(NamedTuple):
    """One token. `kind`: space, comment, string, number, param, word, quoted, op."""

    kind: str
    text: str
    start: int
    closed: bool = True
    """False for a string, quoted name or comment that the text ends in the middle of."""


_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>--[^\n]*)
  | (?P<block>/\*)
  | (?P<string>[eE]'[^'\\]*(?:(?:''|\\.)[^'\\]*)*(?:'|\\?\Z)
             | (?:[nNbBxX]|[uU]&)?'[^']*(?:''[^']*)*(?:'|\Z))
  | (?P<quoted>(?:[uU]&)?"[^"]*(?:""[^"]*)*(?:"|\Z))
  | (?P<param>\$[0-9]{1,10})
  | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
  | (?P<number>0[xX][0-9a-fA-F_]+ | (?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<op>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def tokens(sql: str) -> Iterator[Token]:
    """Every token of `sql` in order; joined, their texts are `sql` again. Never raises."""
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:  # pragma: no cover - the last alternative takes any character
            return
        kind, text, closed = str(match.lastgroup), match.group(), True
        if kind == "block":
            end, closed = _block_end(sql, position)
            kind, text = "comment", sql[position:end]
        elif kind == "dollar":
            end = sql.find(text, match.end())
            closed = end >= 0
            kind, text = "string", sql[position : end + len(text)] if closed else sql[position:]
        elif kind in ("string", "quoted"):
            closed = _closed(text, "'" if kind == "string" else '"')
        yield Token(kind, text, position, closed)
        position += len(text)


def significant(sql: str) -> Iterator[Token]:
    """The tokens that are neither space nor comment."""
    return (token for token in tokens(sql) if token.kind not in ("space", "comment"))


def identifier(token: Token) -> str:
    """The name that a word or quoted token stands for: folded to lower case, or unquoted."""
    if token.kind == "quoted":
        return token.text[token.text.index('"') + 1 :].removesuffix('"').replace('""', '"')
    return token.text.lower()


def _block_end(sql: str, start: int) -> tuple[int, bool]:
    """Where the (nested) block comment at `start` ends, and whether it does."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end(), True
    return len(sql), False


def _closed(text: str, mark: str) -> bool:
    body = text[text.index(mark) + 1 :]
    if not body.endswith(mark):
        return False
    if text[0] in "eE" and mark == "'":
        body = re.sub(r"\\.", "", body, flags=re.DOTALL)
        if not body.endswith(mark):
            return False
    return (len(body) - len(body.rstrip(mark))) % 2 == 1
