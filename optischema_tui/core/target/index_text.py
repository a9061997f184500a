"""A CREATE INDEX statement as a person or the server writes it, read into the canonical form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.scan import Token, scan

T = TypeVar("T")


class IndexNotRead(ValueError):
    """It is not one CREATE INDEX statement, or not one that is understood; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class IndexText:
    """What one CREATE INDEX statement says."""

    spec: IndexSpec
    name: str
    """Empty where none is written."""
    only: bool
    """ON ONLY a partitioned table."""
    concurrently: bool
    if_not_exists: bool


def read_index_text(sql: str, schema_of: Callable[[str], str]) -> IndexText:
    """`schema_of(table)` tells the schema of a table that is named without one. Raises IndexNotRead."""
    return _Reader(sql, schema_of).index()


class _Reader:
    def __init__(self, sql: str, schema_of: Callable[[str], str]) -> None:
        self.sql = sql
        self.schema_of = schema_of
        tokens = scan(sql)
        while tokens and tokens[-1].text == ";":
            tokens.pop()
        self.tokens = tokens
        self.at = 0

    def index(self) -> IndexText:
        if any(token.kind == "name" and (token.text[0] in "uU" or len(token.text) < 3) for token in self.tokens):
            raise self.refused("A name is empty, or written with Unicode escapes")
        self.demand("CREATE")
        unique = self.take("UNIQUE")
        self.demand("INDEX")
        concurrently = self.take("CONCURRENTLY")
        if_not_exists = self.take("IF")
        if if_not_exists:
            self.demand("NOT")
            self.demand("EXISTS")
        name = "" if self.next_is("ON") else self.name()
        self.demand("ON")
        only = self.take("ONLY")
        return IndexText(self.spec(unique), name, only, concurrently, if_not_exists)

    def spec(self, unique: bool) -> IndexSpec:
        names = [self.name()]
        while self.take("."):
            names.append(self.name())
        schema, table = names[-2:] if len(names) > 1 else (self.schema_of(names[0]), names[0])
        method = self.name() if self.take("USING") else "btree"
        keys = [self.key(part) for part in self.list()]
        include = [self.included(part) for part in self.list()] if self.take("INCLUDE") else []
        not_distinct = self.nulls_not_distinct()
        options = tuple(self.option(part) for part in self.list()) if self.take("WITH") else ()
        tablespace = self.name() if self.take("TABLESPACE") else ""
        predicate = ""
        if self.take("WHERE"):
            predicate = self.condition(self.tokens[self.at :])
        elif self.at < len(self.tokens):
            raise self.refused(f"{one_line(self.tokens[self.at].text, 40)} is not understood there")
        return IndexSpec(
            schema=schema,
            table=table,
            columns=tuple(key.text for key in keys),
            descending=_given(tuple(key.descending for key in keys)),
            include=tuple(include),
            predicate=predicate,
            method=method,
            computed=_given(tuple(key.computed for key in keys)),
            opclasses=_given(tuple(key.opclass for key in keys)),
            nulls=_given(tuple(key.nulls for key in keys)),
            unique=unique,
            nulls_not_distinct=not_distinct,
            options=options,
            tablespace=tablespace,
        )

    def nulls_not_distinct(self) -> bool:
        if not self.take("NULLS"):
            return False
        wanted = self.take("NOT")
        self.demand("DISTINCT")
        return wanted

    def option(self, part: Sequence[Token]) -> tuple[str, str]:
        """`name = value`; a name alone stands for true."""
        if not part or part[0].kind not in ("word", "name") or (len(part) > 1 and part[1].text != "="):
            raise self.refused("WITH takes parameters, each with its value")
        if len(part) == 1:
            return _identifier(part[0]), "true"
        value = self.sql[part[2].start : part[-1].end] if len(part) > 2 else ""
        if len(part) == 3 and part[2].kind == "string" and value.startswith("'"):
            value = value[1:-1].replace("''", "'")
        return _identifier(part[0]), value

    def included(self, part: Sequence[Token]) -> str:
        if len(part) != 1 or part[0].kind not in ("word", "name"):
            raise self.refused("INCLUDE takes columns")
        return _identifier(part[0])

    def condition(self, rest: Sequence[Token]) -> str:
        if not rest:
            raise self.refused("The condition after WHERE is missing")
        if any(token.text == ";" for token in rest):
            raise self.refused("It is more than one statement")
        return self.sql[rest[0].start : rest[-1].end]

    def key(self, part: Sequence[Token]) -> _Key:
        """`column | function(..) | (expression)`, then COLLATE, operator class, ASC or DESC, NULLS FIRST or LAST."""
        if not part:
            raise self.refused("A key is empty")
        end = _end_of_value(part)
        value, rest = part[:end], list(part[end:])
        key = _Key()
        key.computed = len(value) > 1 or value[0].text == "("
        key.text = self.sql[value[0].start : value[-1].end]
        if key.computed and value[0].text != "(":
            key.text = f"({key.text})"
        elif not key.computed:
            key.text = _identifier(value[0])
        if rest and rest[0].upper == "COLLATE":
            stop = 4 if len(rest) > 2 and rest[2].text == "." else 2
            collated = self.sql[value[0].start : rest[min(stop, len(rest)) - 1].end]
            key.computed, key.text, rest = True, f"({collated})", rest[stop:]
        words = [token.upper or token.text for token in rest]
        if words[-2:-1] == ["NULLS"] and words[-1] in ("FIRST", "LAST"):
            key.nulls = str(words[-1])
            rest, words = rest[:-2], words[:-2]
        if words and words[-1] in ("ASC", "DESC"):
            key.descending, rest = words[-1] == "DESC", rest[:-1]
        if key.nulls == ("FIRST" if key.descending else "LAST"):
            key.nulls = ""
        key.opclass = self.sql[rest[0].start : rest[-1].end] if rest else ""
        if any(token.kind == "other" and token.text != "." for token in rest):
            raise self.refused(f"{one_line(key.opclass, 60)} is no operator class")
        return key

    def list(self) -> list[list[Token]]:
        """The parts of a parenthesised list."""
        self.demand("(")
        parts: list[list[Token]] = [[]]
        depth = 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.kind == "other" and depth == 0 and token.text == ")":
                return parts
            if token.kind == "other" and depth == 0 and token.text == ",":
                parts.append([])
                continue
            depth += (token.text in ("(", "[")) - (token.text in (")", "]")) if token.kind == "other" else 0
            parts[-1].append(token)
        raise self.refused("A parenthesis is not closed")

    def name(self) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at].kind not in ("word", "name"):
            raise self.refused("A name is missing")
        self.at += 1
        return _identifier(self.tokens[self.at - 1])

    def next_is(self, what: str) -> bool:
        return self.at < len(self.tokens) and what in (self.tokens[self.at].upper, self.tokens[self.at].text)

    def take(self, what: str) -> bool:
        found = self.next_is(what)
        self.at += found
        return found

    def demand(self, what: str) -> None:
        if not self.take(what):
            raise self.refused(f"{what} is missing")

    def refused(self, why: str) -> IndexNotRead:
        return IndexNotRead(why)


@dataclass
class _Key:
    text: str = ""
    computed: bool = False
    opclass: str = ""
    descending: bool = False
    nulls: str = ""


def _end_of_value(part: Sequence[Token]) -> int:
    """Number of tokens of a column, a function call or a parenthesised expression at the start of a key."""
    at = 0
    if part[0].text != "(":
        at = 1
        while at + 1 < len(part) and part[at].text == ".":
            at += 2
    if at < len(part) and part[at].text == "(":
        depth = 0
        for position in range(at, len(part)):
            token = part[position]
            depth += (token.text == "(") - (token.text == ")") if token.kind == "other" else 0
            if depth == 0:
                return position + 1
    return at


def _identifier(token: Token) -> str:
    if token.kind == "name":
        return token.text[1:-1].replace('""', '"')
    return token.text.lower()


def _given(values: tuple[T, ...]) -> tuple[T, ...]:
    """Empty where every key has the default."""
    return values if any(values) else ()
