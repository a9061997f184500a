"""The conditions of a plan, as EXPLAIN prints them, cut into comparisons.

EXPLAIN prints every operator in its own parentheses, so that cutting at the outermost level is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from optischema_tui.core.workload.lexer import Token, identifier, significant

_OPERATOR_CHARACTERS = frozenset("+-*/<>=~!@#%^&|?")
_NO_COLUMN = frozenset((
    "and", "or", "not", "is", "null", "true", "false", "any", "all", "array", "row", "case", "when", "then", "else",
    "end", "distinct", "from", "collate", "current_date", "current_timestamp", "current_user", "localtimestamp",
))  # fmt: skip


class Kind(Enum):
    EQUAL = auto()
    """= one value, IS NULL, or a boolean column alone."""
    ANY = auto()
    RANGE = auto()
    OTHER = auto()
    """An operator that no B-tree serves."""
    NONE = auto()
    """<>, IS NOT NULL, and whatever else selects too much to be looked up."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that may be a column's."""

    qualifier: str
    name: str


@dataclass(frozen=True, slots=True)
class Side:
    text: str
    column: Reference | None
    """Set when the side is one name, perhaps with a cast."""
    cast: str
    references: tuple[Reference, ...]
    """Every name in it, function and type names left out."""

    @property
    def computed(self) -> bool:
        """A cast, a function or an operator stands around the names."""
        return bool(self.references) and (self.column is None or bool(self.cast))


@dataclass(frozen=True, slots=True)
class Comparison:
    kind: Kind
    operator: str
    left: Side
    right: Side
    in_or: bool = False


@dataclass(frozen=True, slots=True)
class SortKey:
    column: Reference | None
    descending: bool
    default_nulls: bool


_EMPTY = Side("", None, "", ())


def comparisons(text: str) -> Iterator[Comparison]:
    """The comparisons that must all hold, and (marked `in_or`) those inside an OR. Unreadable parts are left out."""
    yield from _conjunction(list(significant(text)), in_or=False)


def sort_key(text: str) -> SortKey | None:
    """One expression of a Sort Key or Group Key; `column` is None for anything but a bare column."""
    stream = list(significant(text))
    words = [token.text.upper() if token.kind == "word" else "" for token in stream]
    descending, nulls = False, ""
    if len(words) > 2 and words[-2] == "NULLS":
        nulls = words[-1]
        stream, words = stream[:-2], words[:-2]
    if words and words[-1] in ("DESC", "ASC"):
        descending = words[-1] == "DESC"
        stream = stream[:-1]
    if not stream:
        return None
    side = _side(stream)
    column = None if side.cast else side.column
    return SortKey(column, descending, nulls in ("", "FIRST" if descending else "LAST"))


def _conjunction(stream: list[Token], in_or: bool) -> Iterator[Comparison]:
    stream = _unwrapped(stream)
    arms = _split(stream, "or")
    if len(arms) > 1:
        for arm in arms:
            yield from _conjunction(arm, in_or=True)
        return
    parts = _split(stream, "and")
    if len(parts) > 1:
        for part in parts:
            yield from _conjunction(part, in_or)
        return
    found = _comparison(stream, in_or)
    if found is not None:
        yield found


def _comparison(stream: list[Token], in_or: bool) -> Comparison | None:
    if not stream:
        return None
    words = [token.text.lower() if token.kind == "word" else token.text for token in stream]
    if words[0] == "not" and len(stream) > 1:
        inner = _side(_unwrapped(stream[1:]))
        return Comparison(Kind.EQUAL, "not", inner, _EMPTY, in_or) if inner.column and not inner.cast else None
    position = _operator_at(stream)
    if position is None:
        is_at = _depth_zero_word(stream, "is")
        if is_at:
            kind = Kind.EQUAL if words[is_at + 1 :] == ["null"] else Kind.NONE
            return Comparison(kind, "is", _side(stream[:is_at]), _EMPTY, in_or)
        side = _side(stream)
        return Comparison(Kind.EQUAL, "", side, _EMPTY, in_or) if side.column and not side.cast else None
    end = position
    while end < len(stream) and stream[end].kind == "op" and stream[end].text in _OPERATOR_CHARACTERS:
        end += 1
    operator = "".join(token.text for token in stream[position:end])
    left, rest = stream[:position], stream[end:]
    if not left or not rest:
        return None
    quantified = words[end] in ("any", "all")
    kind = _kind(operator, words[end] if quantified else "")
    return Comparison(kind, operator, _side(left), _side(rest[1:] if quantified else rest), in_or)


def _kind(operator: str, quantifier: str) -> Kind:
    if operator in ("<>", "!=") or quantifier == "all":
        return Kind.NONE
    if quantifier == "any":
        return Kind.ANY if operator == "=" else Kind.OTHER
    if operator == "=":
        return Kind.EQUAL
    return Kind.RANGE if operator in ("<", ">", "<=", ">=") else Kind.OTHER


def _side(stream: list[Token]) -> Side:
    text = "".join(token.text for token in _spaced(stream))
    bare, cast = _without_cast(_unwrapped(stream))
    return Side(text, _single_name(bare), cast, tuple(_references(stream)))


def _without_cast(stream: list[Token]) -> tuple[list[Token], str]:
    """`(x)::type` as x and the type; anything else as it is. Parentheses of a modifier are left out of the type."""
    depth = 0
    for position, token in enumerate(stream):
        depth += (token.text in "([" and token.kind == "op") - (token.text in ")]" and token.kind == "op")
        if token.text == "::" and depth == 0 and position > 0:
            words = [each.text for each in stream[position + 1 :] if each.kind in ("word", "quoted")]
            inner, earlier = _without_cast(_unwrapped(stream[:position]))
            return inner, earlier or " ".join(words)
    return stream, ""


def _single_name(stream: list[Token]) -> Reference | None:
    names = stream[::2]
    if len(stream) not in (1, 3) or any(token.kind not in ("word", "quoted") for token in names):
        return None
    if len(stream) == 3:
        return Reference(identifier(names[0]), identifier(names[1])) if stream[1].text == "." else None
    word = names[0].kind == "word" and names[0].text.lower() in _NO_COLUMN
    return None if word else Reference("", identifier(names[0]))


def _references(stream: list[Token]) -> Iterator[Reference]:
    position = 0
    while position < len(stream):
        token = stream[position]
        if token.text == "::":
            position += 2  # the type's first word; a further word of it ("without time zone") names no column
            continue
        if token.kind not in ("word", "quoted") or (token.kind == "word" and token.text.lower() in _NO_COLUMN):
            position += 1
            continue
        names = [identifier(token)]
        position += 1
        while position + 1 < len(stream) and stream[position].text == ".":
            names.append(identifier(stream[position + 1]))
            position += 2
        if position < len(stream) and stream[position].text == "(":
            continue
        yield Reference(names[-2] if len(names) > 1 else "", names[-1])


def _operator_at(stream: list[Token]) -> int | None:
    """Where the outermost operator begins."""
    depth = 0
    for position, token in enumerate(stream):
        if token.kind != "op":
            continue
        depth += (token.text in "([") - (token.text in ")]")
        if depth == 0 and position > 0 and token.text in _OPERATOR_CHARACTERS:
            return position
    return None


def _depth_zero_word(stream: list[Token], word: str) -> int:
    depth = 0
    for position, token in enumerate(stream):
        depth += (token.text in "([" and token.kind == "op") - (token.text in ")]" and token.kind == "op")
        if depth == 0 and token.kind == "word" and token.text.lower() == word:
            return position
    return 0


def _split(stream: list[Token], word: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in stream:
        if token.kind == "op":
            depth += (token.text in "([") - (token.text in ")]")
        if depth == 0 and token.kind == "word" and token.text.lower() == word:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _unwrapped(stream: list[Token]) -> list[Token]:
    """Without the parentheses that enclose all of it."""
    while len(stream) >= 2 and stream[0].text == "(" and _closing(stream) == len(stream) - 1:
        stream = stream[1:-1]
    return stream


def _closing(stream: list[Token]) -> int:
    """Where the parenthesis that begins `stream` ends; -1 when it does not."""
    depth = 0
    for position, token in enumerate(stream):
        if token.kind == "op":
            depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return position
    return -1


def _spaced(stream: list[Token]) -> Iterator[Token]:
    """The tokens with a space wherever the original had some."""
    if stream:
        yield stream[0]
    for before, after in pairwise(stream):
        if after.start > before.start + len(before.text):
            yield Token("space", " ", after.start - 1)
        yield after
