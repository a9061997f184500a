"""PostgreSQL's text form of one-dimensional arrays."""

from __future__ import annotations

from collections.abc import Iterable


def parse_array(text: str) -> tuple[str, ...]:
    """The elements of a one-dimensional array text such as `{a,"b,\\"c"}`; of nested arrays the elements' own text."""
    elements: list[str] = []
    current: list[str] = []
    depth, quoted, escaped, some = 0, False, False, False
    for character in text[1:-1]:
        if escaped:
            current.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted, some = not quoted, True
        elif character == "," and not quoted and depth == 0:
            elements.append("".join(current))
            current, some = [], True
        else:
            depth += (character == "{") - (character == "}") if not quoted else 0
            current.append(character)
            some = True
    return (*elements, "".join(current)) if some else ()


def array_text(elements: Iterable[str]) -> str:
    """The array text of elements that are not NULL; every one is quoted. An element that is an array keeps its form."""
    return "{" + ",".join(map(_quoted, elements)) + "}"


def _quoted(element: str) -> str:
    return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'
