"""What a statement's text says of it, by its tokens alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from optischema_tui.core.workload.lexer import Token, identifier, significant

MOST = 20_000
"""Characters of a text that are looked at."""
_LIST = re.compile(r"(?i)\bin\s*\(\s*[$'\d+-]")
"""Quick to look for, before a text is cut into tokens."""
_CLAUSE_ENDS = frozenset(("group", "order", "limit", "offset", "fetch", "having", "window", "union", "intersect",
                          "except", "returning", "for"))  # fmt: skip
_NOT_ALIASES = frozenset((
    "on", "using", "where", "join", "left", "right", "inner", "full", "cross", "natural", "set", "order", "group",
    "limit", "offset", "fetch", "having", "union", "intersect", "except", "returning", "for", "values", "select",
    "window", "tablesample", "default", "when",
))  # fmt: skip


@lru_cache(maxsize=2048)
def cut(text: str) -> tuple[Token, ...]:
    return tuple(significant(text[:MOST]))


def word(token: Token | None) -> str:
    """A keyword or plain name in lower case, or an operator; empty for anything else."""
    return token.text.lower() if token is not None and token.kind in ("word", "op") else ""


def depths(stream: Sequence[Token]) -> Iterator[tuple[int, int, Token]]:
    """(place, parentheses around it, token)."""
    depth = 0
    for place, token in enumerate(stream):
        if token.kind == "op" and token.text in ")]":
            depth -= 1
        yield place, depth, token
        if token.kind == "op" and token.text in "([":
            depth += 1


def is_query(text: str) -> bool:
    """SELECT, WITH or TABLE that writes nothing, as far as its words tell."""
    stream = cut(text)
    first = next((word(token) for token in stream if token.text != "("), "")
    writes = {"insert", "update", "delete", "merge"}
    return first in ("select", "with", "table") and (
        first != "with" or not any(token.kind == "word" and token.text.lower() in writes for token in stream)
    )


def has_limit(text: str) -> bool:
    """LIMIT, or FETCH FIRST, of the outermost query."""
    return any(depth <= 0 and word(token) in ("limit", "fetch") for _, depth, token in depths(cut(text)))


def has_offset(text: str) -> bool:
    """OFFSET of the outermost query by a number or parameter other than 0."""
    stream = cut(text)
    for place, depth, token in depths(stream):
        if depth <= 0 and token.kind == "word" and word(token) == "offset" and place + 1 < len(stream):
            behind = stream[place + 1]
            if behind.kind == "param" or (behind.kind == "number" and behind.text != "0"):
                return True
    return False


def longest_list(text: str) -> int:
    """Members of the longest `IN ( .. )` of values; 0 without one. A list that goes on where the text is cut counts
    as far as it is there."""
    if not _LIST.search(text):
        return 0
    stream, longest, place = cut(text), 0, 0
    while place + 1 < len(stream):
        if word(stream[place]) != "in" or stream[place + 1].text != "(":
            place += 1
            continue
        place, members = place + 2, 0
        while place < len(stream) and stream[place].kind in ("param", "number", "string", "op"):
            if stream[place].text == ")":
                break
            members += stream[place].kind != "op"
            place += 1
        if place >= len(stream) or stream[place].text == ")":
            longest = max(longest, members)
    return longest


def without_lists(text: str) -> str:
    """The text with each `IN ( .. )` of values as `IN (..)` and every parameter as `$`: equal for texts that differ in
    the length of their lists."""
    out: list[str] = []
    stream = cut(text)
    place = 0
    while place < len(stream):
        token = stream[place]
        out.append("$" if token.kind in ("param", "number", "string") else word(token) or token.text)
        place += 1
        if word(token) == "in" and place < len(stream) and stream[place].text == "(":
            end = place + 1
            while end < len(stream) and stream[end].kind in ("param", "number", "string", "op"):
                if stream[end].text in "()":
                    break
                end += 1
            if end > place + 1 and (end >= len(stream) or stream[end].text == ")"):
                out.append("(..)")
                place = end + 1
    return " ".join(out)


def is_lookup(text: str) -> bool:
    """A query with a condition `column = $n`: what fetches a thing, or what belongs to it, by a key."""
    stream = cut(text)
    return is_query(text) and any(
        left.kind in ("word", "quoted") and word(equal) == "=" and right.kind == "param"
        for left, equal, right in zip(stream, stream[1:], stream[2:], strict=False)
    )


def tables(text: str) -> dict[str, tuple[str, str]]:
    """(schema or empty, table) by each name that stands for it in the text: aliases and the tables' own names."""
    stream = cut(text)
    found: dict[str, tuple[str, str]] = {}
    for place, token in enumerate(stream):
        if token.kind != "word" or word(token) not in ("from", "join", "update", "into"):
            continue
        at = place + 1
        while True:
            at += word(_at(stream, at)) in ("only", "lateral")
            name, at = _qualified(stream, at)
            if name is None:
                break
            at += word(_at(stream, at)) == "*"
            at += word(_at(stream, at)) == "as"
            alias = _at(stream, at)
            if alias is not None and alias.kind in ("word", "quoted") and word(alias) not in _NOT_ALIASES:
                found[identifier(alias)] = name
                at += 1
            else:
                found[name[1]] = name
            if word(_at(stream, at)) != "," or word(token) != "from":
                break
            at += 1
    return found


def _at(stream: Sequence[Token], place: int) -> Token | None:
    return stream[place] if 0 <= place < len(stream) else None


def _qualified(stream: Sequence[Token], place: int) -> tuple[tuple[str, str] | None, int]:
    parts: list[str] = []
    while (token := _at(stream, place)) is not None and token.kind in ("word", "quoted"):
        parts.append(identifier(token))
        place += 1
        if word(_at(stream, place)) != ".":
            break
        place += 1
    # A function in FROM is no table.
    if not parts or len(parts) > 2 or word(_at(stream, place)) == "(":
        return None, place
    return (parts[0] if len(parts) == 2 else "", parts[-1]), place


def conditions(text: str) -> tuple[tuple[Token, ...], ...]:
    """The tokens of each WHERE and ON, up to where the clause ends; those of a subquery belong to its own."""
    stream = cut(text)
    found: list[tuple[Token, ...]] = []
    open_: list[tuple[int, list[Token]]] = []
    for _, depth, token in depths(stream):
        name = word(token) if token.kind == "word" else ""
        while open_ and (
            depth < open_[-1][0] or (depth == open_[-1][0] and name in _CLAUSE_ENDS | {"where", "join", "set"})
        ):
            found.append(tuple(open_.pop()[1]))
        if name in ("where", "on"):
            open_.append((depth, []))
        elif open_:
            open_[-1][1].append(token)
    found += [tuple(tokens) for _, tokens in open_]
    return tuple(found)
