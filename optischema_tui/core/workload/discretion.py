"""Sentences about statements without the values that the statements hold: plans and servers quote them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from optischema_tui.core.workload.lexer import Token
from optischema_tui.core.workload.statement import WorkloadStatement
from optischema_tui.core.workload.valueless import valueless

_QUOTED = re.compile(r"(?<!\w)[eEbBxX]?'(?:[^']|'')*(?:'(?!\w)|\Z)")
_NUMBER = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d+)?(?![\w])")
_HIDDEN = "'...'"
_LEAST_DIGITS = 5
"""A shorter number tells nothing, and sentences count with such numbers themselves."""
_LEAST_LETTERS = 4


class Discretion:
    """What may be said where `statements` have samples; where none has, everything may."""

    def __init__(self, statements: Iterable[WorkloadStatement]) -> None:
        self.strings: set[str] = set()
        self.numbers: set[str] = set()
        for statement in statements:
            for sample in statement.samples:
                for literal in valueless(sample.sql).literals:
                    self._learn(literal)

    def sentence(self, text: str, kept: Collection[str] = ()) -> str:
        """`text` with `'...'` for every quoted value, and for the statements' own strings and long numbers.

        What the SQL texts in `kept` hold stays: who reads them sees it anyway.
        """
        if not self.strings and not self.numbers:
            return text
        text = _QUOTED.sub(lambda found: found[0] if any(found[0] in sql for sql in kept) else _HIDDEN, text)
        text = _NUMBER.sub(
            lambda found: (
                _HIDDEN if found[0] in self.numbers and not any(found[0] in sql for sql in kept) else found[0]
            ),
            text,
        )
        for value in self._inside(text):
            if not any(value in sql for sql in kept):
                text = text.replace(f'"{value}"', '"..."')
        return text

    def refusal(self, text: str, sql: str) -> str:
        """What a server said of a statement whose text without values is `sql`: it quotes names, which stay, and
        values."""
        if not self.strings and not self.numbers:
            return text
        known = sql.lower()
        for found in re.finditer(r'"([^"]*)("|\Z)', text):
            if found[1].lower() not in known:
                text = f'{text[: found.start()]}"..."'
                break
        for value in self._inside(text):
            if len(value) >= _LEAST_LETTERS and value.lower() not in known:
                text = text.replace(value, "...")
        return self.sentence(text, (sql,))

    def _inside(self, text: str) -> list[str]:
        return sorted((value for value in self.strings if value in text), key=lambda value: (-len(value), value))

    def _learn(self, literal: Token) -> None:
        if literal.kind == "number":
            if sum(letter.isdigit() for letter in literal.text) >= _LEAST_DIGITS:
                self.numbers.add(literal.text)
        elif value := _content(literal.text):
            self.strings.add(value)


def _content(text: str) -> str:
    """What stands between the quotes."""
    if text.startswith("$"):
        tag = text[: text.index("$", 1) + 1]
        return text[len(tag) :].removesuffix(tag)
    return text[text.index("'") + 1 :].removesuffix("'").replace("''", "'")
