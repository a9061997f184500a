"""Dataclasses to JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from optischema_tui.core.history.codec import DecodeError, decode, encode


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Outer:
    inners: tuple[Inner, ...]
    pairs: tuple[tuple[str, int], ...]
    one: Inner | None
    colour: Colour
    maybe: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


VALUE = Outer((Inner("a"), Inner("b", 2.5)), (("x", 1),), Inner("c"), Colour.RED, None, {"k": [1, {"z": None}]})


def test_a_value_comes_back_equal_through_json() -> None:
    assert decode(Outer, json.loads(json.dumps(encode(VALUE)))) == VALUE


def test_unknown_and_missing_fields_are_tolerated() -> None:
    data = encode(VALUE)
    data["later"] = 5
    del data["maybe"], data["detail"]
    data["inners"] = {"fields": ["name", "weight"], "rows": [["a", 9]]}
    assert decode(Outer, data) == Outer((Inner("a"),), (("x", 1),), Inner("c"), Colour.RED)


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "blue"},
        {"maybe": "five"},
        {"one": 5},
        {"one": {}},
        {"inners": [1]},
        {"inners": {"fields": ["name"], "rows": [[]]}},
        {"inners": {"fields": ["name"], "rows": [[True]]}},
        {"pairs": [["x"]]},
        {"detail": []},
    ],
)
def test_a_wrong_value_is_a_decode_error(change: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        decode(Outer, encode(VALUE) | change)
