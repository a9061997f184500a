"""Values as SQL constants, and the text of a statement with constants in place of its parameters.

A value may hold anything that a row holds. Whatever it is, it stays inside one string constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optischema_tui.core.workload.lexer import significant, tokens

_SQUASHED = "/*, ... */"
"""What pg_stat_statements 18 leaves of a list of constants, behind the first."""

_UNITS = frozenset(("year", "month", "day", "hour", "minute", "second"))


def quoted(value: str) -> str:
    """`value` as a string constant without a type, so that it takes the one that the parameter had.

    It reads the same whatever standard_conforming_strings says.
    """
    doubled = value.replace("'", "''")
    if "\\" not in doubled:
        return f"'{doubled}'"
    escaped = doubled.replace("\\", "\\\\")
    return f"E'{escaped}'"


def quoted_array(values: Sequence[str]) -> str:
    """The values as one string constant in the form of an array."""
    return quoted("{" + ",".join(map(_element, values)) + "}")


def quoted_list(values: Sequence[str]) -> str:
    """The values as constants with commas between."""
    return ", ".join(map(quoted, values))


def like_escaped(text: str) -> str:
    """`text` as a LIKE pattern that matches itself alone."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def parameters(sql: str) -> frozenset[int]:
    """The numbers n of all `$n` in `sql`."""
    if "$" not in sql:
        return frozenset()
    return frozenset(int(token.text[1:]) for token in tokens(sql) if token.kind == "param")


def squashed(sql: str) -> frozenset[int]:
    """The parameters that stand for a whole list of constants: `IN ($1 /*, ... */)`."""
    found: set[int] = set()
    last = 0
    for token in tokens(sql):
        if token.kind == "param":
            last = int(token.text[1:])
        elif token.kind == "comment" and token.text == _SQUASHED and last:
            found.add(last)
        elif token.kind not in ("space", "comment"):
            last = 0
    return frozenset(found)


def with_unit(sql: str) -> frozenset[int]:
    """The parameters that a unit follows: `interval $1 day`. Their constants are plain numbers."""
    found: set[int] = set()
    last = 0
    for token in significant(sql):
        if token.kind == "word" and last and token.text.lower() in _UNITS:
            found.add(last)
        last = int(token.text[1:]) if token.kind == "param" else 0
    return frozenset(found)


def filled(sql: str, constants: Mapping[int, str]) -> str:
    """`sql` with the constants (SQL text by parameter number) in place of their parameters; the parameters that are
    left are numbered from 1 without a gap, in their order.
    """
    left = sorted(parameters(sql) - constants.keys())
    numbers = {number: f"${new}" for new, number in enumerate(left, 1)}
    parts: list[str] = []
    after_constant = False
    for token in tokens(sql):
        text = token.text
        constant = token.kind == "param" and int(text[1:]) in constants
        if token.kind == "param":
            number = int(text[1:])
            text = constants[number] if constant else numbers[number]
        # `u&$1` with a constant in its place would be another kind of string
        if parts and (constant or after_constant) and (_joins(parts[-1][-1:]) and _joins(text[:1])):
            parts.append(" ")
        parts.append(text)
        after_constant = constant
    return "".join(parts)


def _element(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _joins(character: str) -> bool:
    """Whether it may make one token with a neighbour."""
    return character.isalnum() or character in "_$&'\""
