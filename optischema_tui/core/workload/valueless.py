"""The text of a statement with `$n` for each of its literals, as pg_stat_statements 18 keeps it, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optischema_tui.core.workload.lexer import Token, tokens

SQUASHED = "/*, ... */"
"""What stands behind the first member of a list of constants, or the first of several rows, for all others."""
_SIZED_TYPES = frozenset((
    "bit", "bpchar", "char", "character", "dec", "decimal", "float", "geography", "geometry", "halfvec", "interval",
    "nchar", "numeric", "time", "timestamp", "timestamptz", "timetz", "varbit", "varchar", "varying", "vector",
))  # fmt: skip
_ROW_COUNTS = frozenset(("limit", "offset"))
_BEFORE_VALUE = frozenset((
    "all", "and", "any", "between", "by", "case", "distinct", "else", "from", "having", "ilike", "in", "is", "like",
    "limit", "not", "offset", "on", "or", "return", "returning", "select", "set", "some", "then", "to", "using",
    "values", "when", "where",
))  # fmt: skip
"""Words after which a sign belongs to the number behind it."""
_PLAIN_WORDS = frozenset(("default", "false", "null", "true"))


class Valueless(NamedTuple):
    sql: str
    """With `$n` for the literals, one space between tokens that were apart, and no comments."""
    key: str
    """Equal for statements that differ in literals, row counts, the length of lists, spacing or letter case alone."""
    literals: tuple[Token, ...]
    """What was taken out."""


class _Piece(NamedTuple):
    token: Token
    apart: bool
    """Space or a comment stands before it."""

    @property
    def word(self) -> str:
        return self.token.text.lower() if self.token.kind in ("word", "op") else ""

    @property
    def literal(self) -> bool:
        return self.token.kind in ("string", "number")


def valueless(sql: str) -> Valueless:
    """Take the literals out of one statement; parameters that it has stay, and new ones are numbered behind them.

    Positions in ORDER BY and GROUP BY, the modifiers of types, row counts behind LIMIT, OFFSET and FETCH, and the words
    TRUE, FALSE and NULL stay: they say what the statement is. Never raises; a text that ends inside a literal has it
    taken out too.
    """
    return _Writer(_pieces(sql)).written()


def _pieces(sql: str) -> list[_Piece]:
    found: list[_Piece] = []
    apart = False
    for token in tokens(sql):
        if token.kind == "space" or (token.kind == "comment" and token.text != SQUASHED):
            apart = True
        else:
            found.append(_Piece(token, apart))
            apart = False
    return found


class _Writer:
    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self.pieces = pieces
        self.number = max((int(each.token.text[1:]) for each in pieces if each.token.kind == "param"), default=0)
        self.out: list[str] = []
        self.key: list[str] = []
        self.taken: list[Token] = []
        self.lists: list[str] = [""]
        """What each open bracket is: `by` a list of positions, `size` a type's modifiers, empty anything else."""

    def written(self) -> Valueless:
        at = 0
        while at < len(self.pieces):
            at = self._next(at)
        return Valueless("".join(self.out).strip(), " ".join(self.key), tuple(self.taken))

    def _next(self, at: int) -> int:
        """Write what stands at `at`; the place behind it."""
        piece = self.pieces[at]
        if piece.literal and not self._says_what(at):
            return self._parameter(at)
        if piece.word in ("+", "-") and self._is_sign(at):
            return self._parameter(at + 1, piece.apart)
        self._bracket(at)
        self._put(piece.token.text, self._in_key(at), piece.apart)
        if piece.word in ("(", "[") and (end := self._list_end(at)):
            return self._squash(at + 1, end)
        if piece.word == ")" and (end := self._rows_end(at)):
            self._put(SQUASHED, "", apart=True)
            return self._skip(at + 1, end)
        return at + 1

    def _put(self, text: str, key: str, apart: bool) -> None:
        self.out.append(f" {text}" if apart and self.out else text)
        if key:
            self.key.append(key)

    def _parameter(self, at: int, apart: bool | None = None) -> int:
        """Write the literal at `at` as a parameter; strings that continue it, and its UESCAPE, go with it."""
        self.number += 1
        self._put(f"${self.number}", f"${self.number}", self.pieces[at].apart if apart is None else apart)
        end = at + 1
        if self.pieces[at].token.kind == "string":
            while end < len(self.pieces) and self.pieces[end].token.kind == "string":
                end += 1
            if self._word(end) == "uescape" and self._kind(end + 1) == "string":
                end += 2
        return self._skip(at, end)

    def _skip(self, begin: int, end: int) -> int:
        self.taken += [each.token for each in self.pieces[begin:end] if each.literal]
        return end

    def _squash(self, begin: int, end: int) -> int:
        """A list of constants by its first member: `$1 /*, ... */`."""
        first = next(at for at in range(begin, end) if self.pieces[at].literal)
        self._parameter(first, apart=False)
        if any(self._word(at) == "," for at in range(begin, end)):
            self._put(SQUASHED, "", apart=True)
        self._skip(first + 1, end)
        at = first + 1
        while at < end and self._word(at) != ",":
            self._put(self.pieces[at].token.text, self._in_key(at), self.pieces[at].apart)
            at += 1
        return end

    def _list_end(self, at: int) -> int:
        """Where the list that opens at `at` closes; 0 when it is none of IN or ARRAY, or not of constants alone."""
        if (self.pieces[at].word, self._word(at - 1)) not in (("(", "in"), ("[", "array")):
            return 0
        place, closing = at + 1, ")" if self.pieces[at].word == "(" else "]"
        while True:
            place += self._word(place) in ("+", "-")
            if self._kind(place) not in ("string", "number"):
                return 0
            place = self._cast_end(place + 1)
            if self._word(place) == closing:
                return place
            if self._word(place) != ",":
                return 0
            place += 1

    def _cast_end(self, at: int) -> int:
        """Behind the plain cast (`::type` or `::schema.type`) that begins at `at`; `at` when there is none."""
        if self._word(at) != "::" or self._kind(at + 1) not in ("word", "quoted"):
            return at
        at += 2
        return at + 2 if self._word(at) == "." and self._kind(at + 1) in ("word", "quoted") else at

    def _rows_end(self, at: int) -> int:
        """Where the further rows of constants behind the first row of VALUES, that ends at `at`, end; 0: there are
        none."""
        open_at = self._row_begin(at)
        if open_at is None or self._word(open_at - 1) != "values":
            return 0
        place = at + 1
        while self._word(place) == "," and self._word(place + 1) == "(":
            end = self._constant_row_end(place + 2)
            if not end:
                break
            place = end
        return place if place > at + 1 else 0

    def _row_begin(self, at: int) -> int | None:
        """Where the row of constants that ends at `at` begins; None when it holds anything else."""
        place = at - 1
        while place >= 0 and (self._constant(place) or self._word(place) in (",", "+", "-", "::")):
            place -= 1
        return place if place >= 0 and self._word(place) == "(" else None

    def _constant_row_end(self, place: int) -> int:
        while self._constant(place) or self._word(place) in (",", "+", "-", "::"):
            place += 1
        return place + 1 if self._word(place) == ")" else 0

    def _constant(self, at: int) -> bool:
        cast = self._word(at - 1) == "::" and self._kind(at) == "word"
        return self._kind(at) in ("string", "number", "param") or self._word(at) in _PLAIN_WORDS or cast

    def _bracket(self, at: int) -> None:
        word = self.pieces[at].word
        if word in ("(", "["):
            self.lists.append("size" if word == "(" and self._word(at - 1) in _SIZED_TYPES else "")
        elif word in (")", "]"):
            self.lists = self.lists[:-1] or [""]
        elif word == "by" and self._word(at - 1) in ("order", "group"):
            self.lists[-1] = "by"
        elif self.lists[-1] == "by" and self.pieces[at].token.kind == "word" and word in _ENDS_BY:
            self.lists[-1] = ""

    def _says_what(self, at: int) -> bool:
        """Whether the literal at `at` is a position, a modifier or a row count."""
        if self.pieces[at].token.kind != "number":
            return False
        if self.lists[-1] == "size":
            return True
        if self.lists[-1] == "by":
            behind = self._kind(at + 1) in ("", "word") or self._word(at + 1) in (",", ")", ";")
            return behind and self._word(at - 1) in ("by", ",")
        return self._is_row_count(at)

    def _is_row_count(self, at: int) -> bool:
        token, before = self.pieces[at].token, self._word(at - 1)
        fetched = before in ("first", "next") and self._word(at - 2) == "fetch"
        return (before in _ROW_COUNTS or fetched) and token.kind == "number" and token.text.isdigit()

    def _is_sign(self, at: int) -> bool:
        """Whether the sign at `at` belongs to the number behind it: nothing stands before it that it could join."""
        if self._kind(at + 1) != "number":
            return False
        kind, word = self._kind(at - 1), self._word(at - 1)
        return kind == "" or (kind == "word" and word in _BEFORE_VALUE) or (kind == "op" and word not in (")", "]"))

    def _in_key(self, at: int) -> str:
        if self.pieces[at].token.text == SQUASHED:
            return ""
        return "?" if self._is_row_count(at) else self.pieces[at].word or self.pieces[at].token.text

    def _word(self, at: int) -> str:
        return self.pieces[at].word if 0 <= at < len(self.pieces) else ""

    def _kind(self, at: int) -> str:
        return self.pieces[at].token.kind if 0 <= at < len(self.pieces) else ""


_ENDS_BY = frozenset((
    "except", "fetch", "for", "having", "intersect", "limit", "offset", "range", "rows", "union", "window",
))  # fmt: skip
