"""A table that every format writes: named, typed columns and plain values. Nothing here reads or writes a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from optischema_tui.core.clock import iso
from optischema_tui.core.safe_text import clean, redact

Value = str | int | float | bool | None
_IDS = ("pid", "relid", "indexrelid", "datid", "blocked_pid", "blocking_pid")
NOTHING = "There is nothing to show."


class Kind(StrEnum):
    """What the values of a column are; None is always "not known"."""

    TEXT = "text"
    ID = "id"
    """A whole number that names something, as a process id or an oid."""
    NUMBER = "number"
    """int or float, in the column's unit."""
    SHARE = "share"
    """0-1; people see percent."""
    MOMENT = "moment"
    """Seconds since 1970; CSV and people see UTC."""
    FLAG = "flag"
    """True or False."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    """As machines read it: the field's own name."""
    kind: Kind = Kind.TEXT
    unit: str = ""
    """ms, blocks, bytes ...; empty for a count or a text."""
    title: str = ""
    """As people read it; empty: the name."""

    @property
    def heading(self) -> str:
        return (self.title or self.name) + (f" ({self.unit})" if self.unit else "")


@dataclass(frozen=True, slots=True)
class Table:
    """Texts in it are safe: `table_of` cleans and redacts them."""

    name: str
    """A word: the view's."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()
    """What is not in it, each a sentence."""
    empty: str = NOTHING
    """What is said in place of rows when there are none: an empty table is never silent."""


def table_of(
    name: str,
    title: str,
    columns: Iterable[Column],
    rows: Iterable[Iterable[Any]],
    notes: Iterable[str] = (),
    empty: str = NOTHING,
) -> Table:
    """A table of what may be foreign. Raises ValueError for a row that has not as many values as there are columns."""
    wanted = tuple(columns)
    safe = tuple(tuple(_safe(value) for value in row) for row in rows)
    for row in safe:
        if len(row) != len(wanted):
            raise ValueError(f"a row of {len(row)} values in a table of {len(wanted)} columns")
    return Table(name, _text(title), wanted, safe, tuple(map(_text, notes)), empty)


def table_of_dicts(name: str, title: str, rows: Iterable[Mapping[str, Any]], notes: Iterable[str] = ()) -> Table:
    """A table whose columns are the keys, in the order in which they come; their kinds follow from the values."""
    listed = list(rows)
    names = list(dict.fromkeys(key for row in listed for key in row))
    columns = [Column(key, _kind(key, [row.get(key) for row in listed])) for key in names]
    return table_of(name, title, columns, ([row.get(key) for key in names] for row in listed), notes)


def shown(value: Value, kind: Kind) -> str:
    """A value as people read it; `-` when it is not known."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) or kind is Kind.ID:
        return str(value)
    if kind is Kind.SHARE:
        return f"{value:.1%}"
    if kind is Kind.MOMENT:
        return iso(value)
    return number(value)


def number(value: float) -> str:
    """Whole numbers whole, others with three figures, thousands apart."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.1e}"


def _kind(name: str, values: list[Any]) -> Kind:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return Kind.FLAG
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        if name.endswith("_ratio"):
            return Kind.SHARE
        if name in _IDS:
            return Kind.ID
        return Kind.MOMENT if name.startswith("last_") or name.endswith(("_at", "_reset")) else Kind.NUMBER
    return Kind.TEXT


def _safe(value: Any) -> Value:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None  # neither infinite nor "not a number": no format has these
    if isinstance(value, tuple | list):
        return _text(", ".join(map(str, value)))
    return _text(str(value))


def _text(text: str) -> str:
    return clean(redact(text))
