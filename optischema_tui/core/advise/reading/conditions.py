"""The conditions of a plan, as EXPLAIN prints them, cut into comparisons.

EXPLAIN prints every operator in its own parentheses, so that cutting at the outermost level is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from optischema_tui.core.advise.reading.text import closing, joined, nesting, split, unwrapped, words
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
    tokens: tuple[Token, ...] = field(default=(), compare=False, repr=False)

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
    quantified: bool = False
    """`= ANY (array)` or `<> ALL (array)`: only the left side is looked up."""
    tokens: tuple[Token, ...] = field(default=(), compare=False, repr=False)
    """All of it, without parentheses around it."""


@dataclass(frozen=True, slots=True)
class SortKey:
    column: Reference | None
    descending: bool
    default_nulls: bool
    tokens: tuple[Token, ...] = field(default=(), compare=False, repr=False)
    """The expression alone, without parentheses around it."""
    collation: str = ""
    """The name behind COLLATE without its schema, unquoted: printed where it is not the type's own."""

    @property
    def nulls(self) -> str:
        """FIRST or LAST where it differs from the direction's own, else empty."""
        if self.default_nulls:
            return ""
        return "LAST" if self.descending else "FIRST"


_EMPTY = Side("", None, "", ())


def comparisons(text: str) -> Iterator[Comparison]:
    """The comparisons that must all hold, and (marked `in_or`) those inside an OR. Unreadable parts are left out."""
    yield from _conjunction(list(significant(text)), in_or=False)


def comparisons_of(stream: Sequence[Token]) -> tuple[Comparison, ...]:
    """`comparisons` of a condition that is cut into tokens already."""
    return tuple(_conjunction(list(stream), in_or=False))


def references(stream: Sequence[Token]) -> tuple[Reference, ...]:
    """Every name that may be a column's; `*` names a whole row."""
    return tuple(_references(list(stream)))


def sort_key(text: str) -> SortKey | None:
    """One expression of a Sort Key or Group Key; `column` is None for anything but a bare column."""
    stream = list(significant(text))
    upper = [token.text.upper() if token.kind == "word" else "" for token in stream]
    descending, nulls = False, ""
    if len(upper) > 2 and upper[-2] == "NULLS":
        nulls = upper[-1]
        stream, upper = stream[:-2], upper[:-2]
    if upper and upper[-1] in ("DESC", "ASC"):
        descending = upper[-1] == "DESC"
        stream = stream[:-1]
    collate_at = _depth_zero_word(stream, "collate")
    collation = identifier(stream[-1]) if collate_at else ""
    stream = stream[:collate_at] if collate_at else stream
    if not stream:
        return None
    side = _side(stream)
    column = None if side.cast else side.column
    default = nulls in ("", "FIRST" if descending else "LAST")
    return SortKey(column, descending, default, tuple(unwrapped(stream)), collation)


def _conjunction(stream: list[Token], in_or: bool) -> Iterator[Comparison]:
    stream = unwrapped(stream)
    arms = split(stream, "or")
    if len(arms) > 1:
        for arm in arms:
            yield from _conjunction(arm, in_or=True)
        return
    parts = split(stream, "and")
    if len(parts) > 1:
        for part in parts:
            yield from _conjunction(part, in_or)
        return
    found = _comparison(stream, in_or)
    if found is not None:
        yield replace(found, tokens=tuple(stream))


def _comparison(stream: list[Token], in_or: bool) -> Comparison | None:
    if not stream:
        return None
    plain = words(stream)
    if plain[0] == "not" and len(stream) > 1:
        inner = _side(unwrapped(stream[1:]))
        return Comparison(Kind.EQUAL, "not", inner, _EMPTY, in_or) if inner.column and not inner.cast else None
    begin, end, operator = _operator(stream)
    if not operator:
        is_at = _depth_zero_word(stream, "is")
        if is_at:
            null = plain[is_at + 1 :] == ["null"]
            kind = Kind.EQUAL if null else Kind.NONE
            name = "is" if null else " ".join(plain[is_at : is_at + 3])
            return Comparison(kind, name, _side(stream[:is_at]), _EMPTY, in_or)
        side = _side(stream)
        return Comparison(Kind.EQUAL, "", side, _EMPTY, in_or) if side.column and not side.cast else None
    left, rest = stream[:begin], stream[end:]
    if not left or not rest:
        return None
    quantified = plain[end] in ("any", "all")
    kind = _kind(operator, plain[end] if quantified else "")
    right = _side(rest[1:] if quantified else rest)
    return Comparison(kind, operator, _side(left), right, in_or, quantified)


def _operator(stream: list[Token]) -> tuple[int, int, str]:
    """(where it begins, where it ends, the outermost operator without its schema); the text is empty for none."""
    named = _depth_zero_word(stream, "operator")
    if named and stream[named + 1 : named + 2] and stream[named + 1].text == "(":
        end = named + 1 + closing(stream[named + 1 :])
        inside = [token.text for token in stream[named + 2 : end] if token.text in _OPERATOR_CHARACTERS]
        return named, end + 1, "".join(inside)
    begin = _operator_at(stream)
    if begin is None:
        return 0, 0, ""
    end = begin
    while end < len(stream) and stream[end].kind == "op" and stream[end].text in _OPERATOR_CHARACTERS:
        end += 1
    return begin, end, "".join(token.text for token in stream[begin:end])


def _kind(operator: str, quantifier: str) -> Kind:
    if operator in ("<>", "!=") or quantifier == "all":
        return Kind.NONE
    if quantifier == "any":
        return Kind.ANY if operator == "=" else Kind.OTHER
    if operator == "=":
        return Kind.EQUAL
    return Kind.RANGE if operator in ("<", ">", "<=", ">=") else Kind.OTHER


def _side(stream: list[Token]) -> Side:
    bare, cast = _without_cast(unwrapped(stream))
    return Side(joined(stream), _single_name(bare), cast, tuple(_references(stream)), tuple(stream))


def _without_cast(stream: list[Token]) -> tuple[list[Token], str]:
    """`(x)::type` as x and the type; anything else as it is. Parentheses of a modifier are left out of the type."""
    depth = 0
    for position, token in enumerate(stream):
        depth += nesting(token)
        if token.text == "::" and depth == 0 and position > 0:
            names = [each.text for each in stream[position + 1 :] if each.kind in ("word", "quoted")]
            inner, earlier = _without_cast(unwrapped(stream[:position]))
            return inner, earlier or " ".join(names)
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
            while position + 1 < len(stream) and stream[position].text == ".":
                position += 2
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
        depth += nesting(token)
        if depth == 0 and position > 0 and token.text in _OPERATOR_CHARACTERS:
            return position
    return None


def _depth_zero_word(stream: list[Token], word: str) -> int:
    depth = 0
    for position, token in enumerate(stream):
        depth += nesting(token)
        if depth == 0 and token.kind == "word" and token.text.lower() == word:
            return position
    return 0
