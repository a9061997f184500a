"""Our frozen dataclasses to JSON values and back, led by their type hints.

A dataclass becomes an object; a tuple of one dataclass becomes a table ({"fields": [...], "rows": [[...], ...]}), which
keeps thousands of rows small and quick. Decoding tolerates what another version of the program wrote: an unknown field
is ignored, a missing one takes its default. What cannot be read so raises DecodeError, never anything else.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from optischema_tui.core import models

T = TypeVar("T")
Convert = Callable[[Any], Any]


class DecodeError(ValueError):
    """The stored value is not of the wanted type and no default fills the gap."""


def encode(value: Any) -> Any:
    """`value`, an instance of a dataclass, as JSON values."""
    convert: Convert = _encoder(typing.cast(Any, type(value)))
    return convert(value)


def decode(kind: type[T], data: Any) -> T:
    """The instance of dataclass `kind` that `data` describes. Raises DecodeError."""
    try:
        convert: Convert = _decoder(typing.cast(Any, kind))
        return typing.cast(T, convert(data))
    except DecodeError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise DecodeError(f"{kind.__name__}: {error}") from error


def _same(value: Any) -> Any:
    return value


@cache
def _fields(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, localns={name: getattr(models, name) for name in models.NAMES})
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}


def _is_dataclass(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _optional(kind: Any) -> Any:
    """The X of `X | None`; None when `kind` is no such union."""
    if typing.get_origin(kind) not in (types.UnionType, typing.Union):
        return None
    inner = [part for part in typing.get_args(kind) if part is not type(None)]
    return inner[0] if len(inner) == 1 else None


# --- to JSON values ---


@cache
def _encoder(kind: Any) -> Convert:
    if _is_dataclass(kind):
        return _object_encoder(kind)
    inner = _optional(kind)
    if inner is not None:
        some = _encoder(inner)
        return some if some is _same else lambda value: None if value is None else some(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: value.value
    if typing.get_origin(kind) is tuple:
        return _tuple_encoder(typing.get_args(kind))
    return _same


def _object_encoder(kind: type) -> Convert:
    names = tuple(_fields(kind))
    row = _row_encoder(kind)
    return lambda value: dict(zip(names, row(value), strict=True))


def _row_encoder(kind: type) -> Callable[[Any], list[Any]]:
    fields = _fields(kind)
    names = tuple(fields)
    read: Callable[[Any], Any] = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
    special = tuple(
        (place, convert) for place, hint in enumerate(fields.values()) if (convert := _encoder(hint)) is not _same
    )

    def row(value: Any) -> list[Any]:
        values = list(read(value))
        for place, convert in special:
            values[place] = convert(values[place])
        return values

    return row


def _tuple_encoder(arguments: tuple[Any, ...]) -> Convert:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = arguments[0]
        if _is_dataclass(inner):
            names, row = list(_fields(inner)), _row_encoder(inner)
            return lambda values: {"fields": names, "rows": [row(value) for value in values]}
        convert = _encoder(inner)
        return list if convert is _same else lambda values: [convert(value) for value in values]
    converts = tuple(map(_encoder, arguments))
    return lambda values: [convert(value) for convert, value in zip(converts, values, strict=True)]


# --- from JSON values ---


@cache
def _decoder(kind: Any) -> Convert:
    if _is_dataclass(kind):
        return _object_decoder(kind)
    inner = _optional(kind)
    if inner is not None:
        some = _decoder(inner)
        return lambda data: None if data is None else some(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    origin = typing.get_origin(kind)
    if origin is tuple:
        return _tuple_decoder(typing.get_args(kind))
    if origin is dict:
        return lambda data: dict(_expect(dict, data))
    if kind is float:
        return lambda data: float(_expect((int, float), data))
    if kind in (int, str, bool):
        return lambda data: _expect(kind, data)
    return _same


def _expect(kind: Any, data: Any) -> Any:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise DecodeError(f"{type(data).__name__} where {kind} was expected")
    return data


def _object_decoder(kind: type) -> Convert:
    converts = {name: _decoder(hint) for name, hint in _fields(kind).items()}

    def build(data: Any) -> Any:
        known = {name: converts[name](value) for name, value in _expect(dict, data).items() if name in converts}
        return kind(**known)

    return build


def _tuple_decoder(arguments: tuple[Any, ...]) -> Convert:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        if _is_dataclass(arguments[0]):
            return _table_decoder(arguments[0])
        convert = _decoder(arguments[0])
        return lambda data: tuple(convert(value) for value in _expect(list, data))
    converts = tuple(map(_decoder, arguments))
    return lambda data: tuple(convert(value) for convert, value in zip(converts, _expect(list, data), strict=True))


def _table_decoder(kind: type) -> Convert:
    converts = {name: _decoder(hint) for name, hint in _fields(kind).items()}

    def build(data: Any) -> tuple[Any, ...]:
        table = _expect(dict, data)
        names = _expect(list, table["fields"])
        known = [(place, name, converts[name]) for place, name in enumerate(names) if name in converts]
        return tuple(kind(**{name: convert(row[place]) for place, name, convert in known}) for row in table["rows"])

    return build
