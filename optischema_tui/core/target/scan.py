"""SQL text cut into tokens as PostgreSQL's own scanner would, with standard_conforming_strings on."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z_0-9$\u0080-\U0010ffff]*"
_ESCAPED = r"'(?:[^'\\]++|\\.|'')*+(?:'|\\?\Z)"
_CONTINUED = r"(?:[ \t\f\v]|--[^\r\n]*)*[\r\n](?:[ \t\n\r\f\v]|--[^\r\n]*[\r\n])*"
_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t\n\r\f\v]+)
  | (?P<line>--[^\r\n]*)
  | (?P<block>/\*)
  | (?P<string>[eE]{_ESCAPED}(?:{_CONTINUED}{_ESCAPED})* | (?:[bBxXnN]|[uU]&)?'(?:[^']++|'')*+(?:'|\Z))
  | (?P<name>(?:[uU]&)?"(?:[^"]++|"")*+(?:"|\Z))
  | (?P<dollar>\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z_0-9\u0080-\U0010ffff]*)?\$)
  | (?P<param>\$[0-9]{{1,10}})
  | (?P<word>{_WORD})
  | (?P<number>[0-9][0-9.]*)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTING = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text that means something: comments and white space are left out."""

    kind: str
    """string, name (quoted identifier), param, word, number, other (one character)"""
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The word in capitals; empty for what is not a plain word."""
        return self.text.upper() if self.kind == "word" else ""


def scan(sql: str) -> list[Token]:
    """The tokens of `sql` in order. An unfinished string or comment reaches to the end of the text."""
    tokens: list[Token] = []
    at = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        assert match is not None  # `other` takes any character
        kind, end = str(match.lastgroup), match.end()
        if kind == "block":
            at = _after_comment(sql, at)
            continue
        if kind == "dollar":
            closing = sql.find(match.group(), end)
            end = len(sql) if closing < 0 else closing + len(match.group())
            kind = "string"
        if kind not in ("space", "line"):
            tokens.append(Token(kind, sql[at:end], at, end))
        at = end
    return tokens


def _after_comment(sql: str, at: int) -> int:
    depth = 0
    for match in _NESTING.finditer(sql, at):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return len(sql)
