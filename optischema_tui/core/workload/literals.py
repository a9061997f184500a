"""The literals of statements that the server does not normalise: COPY, DO, CALL, ALTER ROLE and other utility commands.

They may be secrets or rows of the target, and nothing plans such a statement: a `?` stands for each.
"""

from __future__ import annotations

import re

from optischema_tui.core.workload.lexer import tokens

_NORMALISED = re.compile(
    r"(?is)\A(?:\s|\(|(?>--[^\n]*(?:\n|\Z))|(?>/\*.*?\*/))*+(?:select|insert|update|delete|merge|with|values|table)\b"
)
_DOLLAR = re.compile(r"\$[^$]*\$")
_DEEPEST = 3


def without_literals(text: str) -> str:
    """`text` with `?` for each string of a statement whose literals pg_stat_statements keeps; another text as it is.

    The body of a DO block or a function stays, with its own strings replaced.
    """
    return text if is_normalised(text) else _masked(text, _DEEPEST)


def is_normalised(text: str) -> bool:
    """Whether it is a SELECT, INSERT, UPDATE, DELETE or their like: pg_stat_statements puts $n for its literals."""
    return _NORMALISED.match(text) is not None


def _masked(text: str, depth: int) -> str:
    out = []
    for token in tokens(text):
        if token.kind != "string":
            out.append(token.text)
        elif (tag := _DOLLAR.match(token.text)) and depth:
            body = token.text[tag.end() :]
            end = tag.group() if token.closed else ""
            out.append(f"{tag.group()}{_masked(body.removesuffix(end), depth - 1)}{end}")
        else:
            out.append("?")
    return "".join(out)
