"""What the WHERE of a partial index says of its columns, as far as a size needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optischema_tui.core.target.scan import Token, scan

_VALUES = ("string", "number")
_COMPARING = frozenset("=<>!~*@&|#")


@dataclass(frozen=True, slots=True)
class Pinned:
    """Column names. `equal`: one value only; `null`: that is NULL; `not_null`: never NULL."""

    equal: frozenset[str] = frozenset()
    null: frozenset[str] = frozenset()
    not_null: frozenset[str] = frozenset()


NOTHING = Pinned()


def pinned(predicate: str) -> Pinned:
    """Reads `a = 1 AND b IS NULL AND c > 3 AND flag`; says nothing of what it does not understand."""
    if not predicate:
        return NOTHING
    tokens = _unwrapped(scan(predicate))
    said: dict[str, set[str]] = {"equal": set(), "null": set(), "not_null": set()}
    for part in _conjuncts(tokens):
        for what, name in _read(_unwrapped(part)):
            said[what].add(name)
    return Pinned(*map(frozenset, said.values()))


def _read(part: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """What one conjunct says, and of which column."""
    negated = bool(part) and part[0].upper == "NOT"
    part = part[1:] if negated else part
    if not part or part[0].kind not in ("word", "name"):
        return
    name = part[0].text[1:-1].replace('""', '"') if part[0].kind == "name" else part[0].text.lower()
    rest = [token.upper or token.text for token in part[1:]]
    constant = len(part) > 2 and (part[2].kind in _VALUES or part[2].upper in ("TRUE", "FALSE"))
    if not rest:
        yield "equal", name
        yield "not_null", name
    elif negated:
        return
    elif rest == ["IS", "NULL"]:
        yield "equal", name
        yield "null", name
    elif rest == ["IS", "NOT", "NULL"] or rest[0] in ("IN", "BETWEEN", "LIKE") or rest[0] in _COMPARING:
        yield "not_null", name
        if rest[0] == "=" and constant:
            yield "equal", name


def _conjuncts(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The parts between ANDs; nothing at all when there is an OR beside them."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in "([") - (token.text in ")]") if token.kind == "other" else 0
        if depth == 0 and token.upper == "OR":
            return
        if depth == 0 and token.upper == "AND":
            parts.append([])
        else:
            parts[-1].append(token)
    yield from parts


def _unwrapped(tokens: Sequence[Token]) -> Sequence[Token]:
    """Without parentheses around the whole."""
    while len(tokens) >= 2 and tokens[0].text == "(" and tokens[-1].text == ")":
        depth = 0
        for token in tokens[:-1]:
            depth += (token.text == "(") - (token.text == ")") if token.kind == "other" else 0
            if depth == 0:
                return tokens
        tokens = tokens[1:-1]
    return tokens
