"""SQL laid out for reading. Only white space changes: what stands on screen is what the server keeps, word for word."""

from __future__ import annotations

import re

from optischema_tui.core.safe_text import clean
from optischema_tui.widgets.lines import Line, Piece, wrap

SHOWN_LIMIT = 16_000
"""Characters of one statement that are laid out; of a longer one the head is shown and its length told."""

_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
      |(?P<string>[eEbBxXnN]?'(?:[^'\\]|''|\\.)*(?:'|\Z)|\$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z))
      |(?P<name>"(?:[^"]|"")*(?:"|\Z))
      |(?P<parameter>\$\d+)
      |(?P<word>[^\W\d]\w*)
      |(?P<number>\d[\w.]*)
      |(?P<space>\s+)
      |(?P<other>::|<=|>=|<>|!=|\|\||->>|->|.)""",
    re.VERBOSE | re.DOTALL,
)
_BREAKS = frozenset({
    "select", "from", "where", "group", "order", "having", "limit", "offset", "union", "except", "intersect",
    "values", "set", "returning", "insert", "update", "delete", "with", "window", "on", "join", "left", "right",
    "full", "inner", "cross", "natural", "and", "or", "for", "create",
})  # fmt: skip
_CLAUSES = _BREAKS - {"and", "or", "on"}
_KEYWORDS = _BREAKS | {
    "as", "by", "in", "is", "not", "null", "like", "ilike", "between", "exists", "case", "when", "then", "else",
    "end", "distinct", "all", "any", "asc", "desc", "into", "using", "outer", "lateral", "index", "concurrently",
    "unique", "table", "drop", "if", "include", "btree", "nulls", "first", "last", "over", "partition", "filter",
    "cast", "interval", "date", "true", "false", "update", "share", "skip", "locked", "nowait", "recursive",
    "materialized", "only", "conflict", "do", "nothing",
}  # fmt: skip
_JOIN_LEADS = frozenset(("left", "right", "full", "inner", "cross", "natural"))


def sql_lines(text: str, width: int) -> list[Line]:
    """`text` in coloured lines of at most `width` cells, one clause a line."""
    shown = text[:SHOWN_LIMIT]
    lines: list[Line] = []
    for line in _clauses(clean(shown)):
        indent = len(line[0][0]) - len(line[0][0].lstrip(" ")) if line else 0
        lines += wrap(line, width, indent + 4)
    if len(text) > SHOWN_LIMIT:
        lines.append(((f"… {len(text):,} characters in all; the first {SHOWN_LIMIT:,} are shown", "warn"),))
    return lines


def _clauses(text: str) -> list[Line]:
    """Break before each clause outside inner parentheses; subqueries are indented by their depth."""
    lines: list[list[Piece]] = [[]]
    depth = 0
    before = ""
    between = False
    pending_space = False
    opened: list[bool] = []
    for match in _TOKEN.finditer(text):
        token, kind = match.group(), match.lastgroup or ""
        kind = "string" if kind == "tag" else kind
        word = token.lower() if kind == "word" else ""
        if kind == "space":
            pending_space = True
            continue
        if token == "(":
            opened.append(_opens_query(text, match.end()))
            depth += opened[-1]
        inner = bool(opened) and not opened[-1]
        ranged = word == "and" and between
        between = word == "between" or (between and not ranged)
        if word in _BREAKS and not inner and lines[-1] and not ranged and not _continues(word, before):
            lines.append([(" " * (4 * depth + (0 if word in _CLAUSES else 2)), "")])
            pending_space = False
        if pending_space and lines[-1]:
            lines[-1].append((" ", ""))
        pending_space = False
        lines[-1].append((re.sub(r"\s*\n\s*", " ", token) if kind != "string" else token, _role(kind, word)))
        if token == ")" and opened:
            depth -= opened.pop()
        if kind == "comment" and token.startswith("--"):
            lines.append([(" " * 4 * depth, "")])
        before = word
    return [tuple(line) for line in lines if any(text.strip() for text, _ in line)]


def _opens_query(text: str, place: int) -> bool:
    return re.match(r"\s*(select|with|values)\b", text[place : place + 40], re.IGNORECASE) is not None


def _continues(word: str, before: str) -> bool:
    """Words that belong to the clause the word before them opened."""
    return (
        (word == "join" and (before in _JOIN_LEADS or before == "outer"))
        or (word in ("update", "select") and before in ("for", "all", "distinct", "do", "except", "union"))
        or (word == "from" and before in ("delete", "distinct"))
        or (word == "set" and before == "do")
        or (word == "on" and before in ("distinct",))
    )


def _role(kind: str, word: str) -> str:
    if kind == "word":
        return "head" if word in _KEYWORDS else ""
    return {"comment": "dim", "string": "good", "parameter": "accent", "number": "accent"}.get(kind, "")
