"""Values of settings as texts: as a person writes them, as the server stores them, as it shows them. Nothing here
speaks to a server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from optischema_tui.core.change.kinds.words import Words, literal
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import quote
from optischema_tui.core.policy.settings import quantity
from optischema_tui.core.safe_text import one_line

LISTS_OF_NAMES = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""Settings whose stored text is a list of quoted names, as pg_dump knows them: the server does not say it. Every other
value is stored as it was sent."""

_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_OCTAL = re.compile(r"[+-]?0[0-9xX]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FINER = {"TB": "GB", "GB": "MB", "MB": "kB", "kB": "B", "d": "h", "h": "min", "min": "s", "s": "ms", "ms": "us"}
"""The server rounds '30.1GB' to whole MB first: to the next smaller unit."""
_ALIASES = {("wal_compression", "on"): "pglz"}
"""Values that the server shows under another of their names."""
_NAME_IN_LIST = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^\s,"]+))\s*(?:,|\Z)')
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Shape:
    """What pg_settings says of the values that a setting takes."""

    name: str
    vartype: str
    """bool, enum, integer, real or string."""
    unit: str = ""
    """Of a number without one: 'kB', '8kB', 'ms', ...; empty when it is none."""
    least: str = ""
    most: str = ""
    """In `unit`; empty: no bound."""
    choices: tuple[str, ...] = ()
    """Of an enum."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person has written about one setting."""

    name: str
    values: tuple[str, ...] | None
    """None: RESET, or SET to DEFAULT."""


# --- as a person writes it ---


def read_wish(words: Words, statement: str) -> Wish:
    """`SET name = value [, ..]`, `SET name TO ..` or `RESET name` to the end of `words`.

    Raises ChangeRefused, naming `statement`, for anything else.
    """
    reset = not words.take("SET")
    if reset and not words.take("RESET"):
        raise _unclear(statement)
    first = words.name()
    second = words.name() if first is not None and words.take(".") else ""
    if first is None or second is None or (reset and first == "all" and not second):
        raise _unclear(statement)
    name = f"{first}.{second}" if second else first
    if reset:
        values: tuple[str, ...] | None = None
    elif not words.take("=") and not words.take("TO"):
        raise _unclear(statement)
    elif words.take("DEFAULT"):
        values = None
    else:
        values = _values(words, statement)
    if not words.ended:
        raise _unclear(statement)
    return Wish(name, values)


def _values(words: Words, statement: str) -> tuple[str, ...]:
    found: list[str] = []
    while True:
        value = words.literal()
        if value is None:
            value = words.name()
        if value is None or _CONTROL.search(value) or len(value) > LONGEST:
            raise _unclear(statement)
        found.append(value)
        if not words.take(","):
            return tuple(found)


def _unclear(statement: str) -> ChangeRefused:
    return ChangeRefused(
        f"This {statement} is not carried out",
        "It is not SET name = value nor RESET name of one setting, with its value as a number, a word or '..'",
        f"Write it like: {statement} SET work_mem = '64MB'",
    )


# --- as it is stored ---


def stored_text(name: str, values: Sequence[str]) -> str:
    """What the server keeps of these values; a list of names with all of them quoted (see `same_text`)."""
    return ", ".join(map(quote, values)) if name in LISTS_OF_NAMES else ", ".join(values)


def same_text(name: str, one: str | None, other: str | None) -> bool:
    """Whether two stored texts are the same setting, written by the same hand; None: nothing is stored."""
    if one is None or other is None or name not in LISTS_OF_NAMES:
        return one == other
    return names_in(one) == names_in(other)


def names_in(text: str) -> tuple[str, ...] | None:
    """The names of a stored list, unquoted: 'a, "B c"' -> ('a', 'B c'). None when it is no such list."""
    found, place = [], 0
    while place < len(text):
        match = _NAME_IN_LIST.match(text, place)
        if match is None:
            return None
        found.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        place = match.end()
    return tuple(found)


def value_sql(name: str, text: str) -> str:
    """What stands behind SET name = to have the server store `text`. Raises ValueError for a NUL byte."""
    names = names_in(text) if name in LISTS_OF_NAMES else None
    return ", ".join(map(literal, names)) if names else literal(text)


def name_sql(name: str) -> str:
    """A setting's name as SQL."""
    return ".".join(map(quote, name.split(".")))


# --- as it is meant ---


def value_problem(shape: Shape, values: Sequence[str]) -> str:
    """Why the server would not take the value, one sentence; empty when nothing speaks against it."""
    name = one_line(shape.name, 60)
    if len(values) != 1:
        return "" if shape.vartype == "string" else f"{name} takes one value, not {len(values)}"
    value = values[0]
    told = one_line(value, 60)
    if shape.vartype == "bool":
        return "" if _truth(value) is not None else f"{name} is on or off, not {told}"
    if shape.vartype == "enum":
        known = {choice.lower() for choice in shape.choices}
        return "" if value.lower() in known else f"{name} is one of {', '.join(shape.choices)}, not {told}"
    if shape.vartype not in ("integer", "real"):
        return ""
    number = in_base_unit(shape, value)
    if number is None:
        unit = f"a number with or without a unit of {shape.unit}" if shape.unit else "a number without a unit"
        return f"{name} is {unit}, not {told}"
    if (shape.least and number < Decimal(shape.least)) or (shape.most and number > Decimal(shape.most)):
        return f"{name} lies between {shape.least} and {shape.most}{_behind(shape.unit)}, not {told}"
    return ""


def in_base_unit(shape: Shape, value: str) -> Decimal | None:
    """A number in the setting's own unit, rounded as the server does; None when it is none. The server reads a leading
    0 as octal, which nobody means: None too."""
    text = value.strip()
    if _OCTAL.match(text) and not re.match(r"[+-]?0\.", text):
        return None
    found, one = quantity(text, shape.unit), quantity("1", shape.unit)
    if found is None or one is None or found.dimension != one.dimension:
        return None
    amount, finer = found.amount, _FINER.get(text.lstrip("+-0123456789.e ") or "")
    if finer and (step := quantity(f"1{finer}")) is not None:
        amount = (amount / step.amount).to_integral_value(ROUND_HALF_EVEN) * step.amount
    number = amount / one.amount
    return number.to_integral_value(ROUND_HALF_EVEN) if shape.vartype == "integer" else number


def same_value(shape: Shape, one: str, other: str) -> bool:
    """Whether two texts mean the same value of the setting: '8MB' and '8192' of kB, 'yes' and 'on'."""
    if one == other:
        return True
    if shape.vartype == "bool":
        return _truth(one) is not None and _truth(one) == _truth(other)
    if shape.vartype == "enum":
        return _shown(shape, one) == _shown(shape, other)
    if shape.vartype in ("integer", "real"):
        first, second = in_base_unit(shape, one), in_base_unit(shape, other)
        # A real is shown with six digits.
        return first is not None and second is not None and abs(first - second) <= abs(first) * Decimal("1e-5")
    if shape.name in LISTS_OF_NAMES:
        return same_text(shape.name, one, other)
    return [part.strip().lower() for part in one.split(",")] == [part.strip().lower() for part in other.split(",")]


def shown(shape: Shape, value: str) -> str:
    """A value in its base unit for people: '8192' of kB -> '8192kB', '16' of 8kB -> '128kB'."""
    blocks = re.fullmatch(r"(\d+)(kB|MB)", shape.unit)
    if not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return one_line(value, 120)
    if blocks and re.fullmatch(r"\d+", value):
        return f"{int(value) * int(blocks[1])}{blocks[2]}"
    return value if blocks or value in ("0", "-1") else f"{value}{shape.unit}"


def _shown(shape: Shape, value: str) -> str:
    return _ALIASES.get((shape.name, value.lower()), value.lower())


def _behind(unit: str) -> str:
    return f" {unit}" if unit else ""


def _truth(value: str) -> bool | None:
    """A boolean as the server reads it: any beginning of a word that is clear; None when it is none."""
    word = value.strip().lower()
    if word in ("1", "0"):
        return word == "1"
    if not word or word == "o":
        return None
    if any(each.startswith(word) for each in _TRUE):
        return True
    return False if any(each.startswith(word) for each in _FALSE) else None
