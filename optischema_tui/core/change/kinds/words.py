"""Reads a statement that a person has written, word by word. What does not fit is refused."""

from __future__ import annotations

from optischema_tui.core.workload.lexer import Token, identifier, significant


class Words:
    """A cursor over the significant tokens of one statement; a last `;` is left out."""

    def __init__(self, sql: str) -> None:
        self._tokens = list(significant(sql))
        if self._tokens and self._tokens[-1].text == ";":
            self._tokens.pop()
        self._place = 0

    @property
    def ended(self) -> bool:
        return self._place >= len(self._tokens)

    @property
    def next(self) -> str:
        """The next token as it stands; empty at the end."""
        return "" if self.ended else self._tokens[self._place].text

    @property
    def whole(self) -> bool:
        """No string, quoted name or comment is left open, and there is one statement only."""
        return all(token.closed and token.text != ";" for token in self._tokens)

    def take(self, *keywords: str) -> bool:
        """Step over these keywords when they all come next, in any case; else stay."""
        ahead = self._tokens[self._place : self._place + len(keywords)]
        found = tuple(token.text.upper() for token in ahead if token.kind in ("word", "op"))
        if found != keywords:
            return False
        self._place += len(keywords)
        return True

    def name(self) -> str | None:
        """The identifier that comes next, unquoted and folded as PostgreSQL does; None when none does."""
        if self.ended or self._tokens[self._place].kind not in ("word", "quoted"):
            return None
        token = self._tokens[self._place]
        if token.text[:2].upper() == "U&":
            return None
        self._place += 1
        return identifier(token)

    def qualified(self) -> tuple[str, str] | None:
        """(schema, name) that comes next; the schema is empty where none is written. None when no name comes."""
        first = self.name()
        if first is None or not self.take("."):
            return None if first is None else ("", first)
        second = self.name()
        return None if second is None else (first, second)

    def literal(self) -> str | None:
        """The value that comes next, as text: a plain string, a number with its sign, or a word. None for another."""
        sign = "-" if self.take("-") else ""
        if self.ended:
            return None
        token = self._tokens[self._place]
        value = _value(token)
        if value is None or (sign and token.kind != "number"):
            return None
        self._place += 1
        return sign + value

    def enclosed(self) -> str | None:
        """The text from the `(` that comes next to its `)`, comments left out; None when it has none."""
        depth, text, end = 0, "", -1
        for place in range(self._place, len(self._tokens)):
            token = self._tokens[place]
            text += (" " if text and token.start != end else "") + token.text
            end = token.start + len(token.text)
            depth += (token.text == "(") - (token.text == ")") if token.kind == "op" else 0
            if depth < 1:
                break
        if depth or not text.endswith(")"):
            return None
        self._place = place + 1
        return text

    def rest(self) -> tuple[Token, ...]:
        """What is left, and the end."""
        left = tuple(self._tokens[self._place :])
        self._place = len(self._tokens)
        return left


def _value(token: Token) -> str | None:
    if token.kind == "number":
        return token.text
    if token.kind == "word":
        return token.text.lower()
    if token.kind == "string" and token.text.startswith("'") and token.closed:
        return token.text[1:-1].replace("''", "'")
    return None


def literal(text: str) -> str:
    """`text` as an SQL string constant, whatever standard_conforming_strings says. Raises ValueError for a NUL byte."""
    if "\x00" in text:
        raise ValueError("an SQL string cannot hold a NUL byte")
    quoted = text.replace("'", "''")
    return f"E'{quoted.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{quoted}'"
