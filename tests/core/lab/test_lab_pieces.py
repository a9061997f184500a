"""The small parts of the lab, one by one."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from optischema_tui.core.lab import locale
from optischema_tui.core.lab.check import compare
from optischema_tui.core.lab.ddl import literal
from optischema_tui.core.lab.extended import Oids, remap_mcv
from optischema_tui.core.lab.facts import parse_array
from optischema_tui.core.lab.image import Server, TypeInfo
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.workload.statement import WorkloadStatement

SERVER = Server(180000, "18", "d", "UTF8", "C", "C", "c", (), (), "r", "pg_statistic")
ENUM = TypeInfo(20000, "public", "status", "e", 0, False, "", labels=("a", "b"), label_oids=(20001, 20002))
OIDS = Oids({20000: 16400}, {20001: 16401, 20002: 16402}, {20000: ENUM})


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("{}", ()),
        ("{a}", ("a",)),
        ('{a,"b,c","d\\"e","f\\\\g",""}', ("a", "b,c", 'd"e', "f\\g", "")),
        ("{1.5,-2}", ("1.5", "-2")),
        ("{{1,2},{3}}", ("{1,2}", "{3}")),
        ('{"{x}"," "}', ("{x}", " ")),
    ],
)
def test_parse_array(text: str, elements: tuple[str, ...]) -> None:
    assert parse_array(text) == elements


def test_literal_keeps_quotes_and_backslashes() -> None:
    assert literal("a'b\\c") == "'a''b\\c'"


@pytest.mark.parametrize(
    ("change", "collate", "approximate"),
    [
        ({}, "C", False),
        ({"collate": "POSIX"}, "C", False),
        ({"provider": "b", "collate": "en_US.UTF-8"}, "C", False),
        ({"collate": "C.UTF-8"}, "C.utf8", False),
        ({"collate": "de_DE.ISO-8859-1"}, "de_DE.utf8", False),
        ({"collate": "en_US.UTF-8"}, "C.UTF-8", True),
        ({"provider": "i", "collate": "de_DE.UTF-8"}, "de_DE.utf8", True),
        ({"provider": "i", "collate": "en_US.UTF-8"}, "C.UTF-8", True),
    ],
)
def test_locale(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], collate: str, approximate: bool) -> None:
    monkeypatch.setattr(locale, "known_locales", lambda: ("C.utf8", "de_DE.utf8"))
    chosen = locale.choose(replace(SERVER, **change))  # type: ignore[arg-type]
    assert (chosen.collate, chosen.approximate) == (collate, approximate)


def mcv(kind: int, width: int, values: bytes) -> bytes:
    count = len(values) // 4
    head = struct.pack("<IIIh", 0xE1A651C2, 1, count, 1) + struct.pack("<I", kind)
    return head + struct.pack("<iiii?xxx", count, len(values), len(values), width, True) + values + b"tail"


def test_mcv_labels_get_the_oids_of_the_lab() -> None:
    moved, reason = remap_mcv(mcv(20000, 4, struct.pack("<II", 20002, 20001)), OIDS)
    assert (moved, reason) == (mcv(16400, 4, struct.pack("<II", 16402, 16401)), "")


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 40,
        mcv(20000, 8, struct.pack("<II", 20002, 20001)),
        mcv(20000, 4, struct.pack("<I", 666)),
        mcv(30000, 4, struct.pack("<I", 20001)),
    ],
)
def test_mcv_that_cannot_be_moved_is_left_out_with_a_reason(data: bytes) -> None:
    moved, reason = remap_mcv(data, OIDS)
    assert moved is None
    assert reason


def test_mcv_of_builtin_types_is_untouched() -> None:
    data = mcv(23, 4, struct.pack("<I", 20001))
    assert remap_mcv(data, OIDS) == (data, "")


def test_a_statement_that_one_side_cannot_plan_is_no_agreement(
    shop_session: psycopg.Connection[Any], shop_lab: Lab
) -> None:
    cut = WorkloadStatement("SELECT", problem="Its text is cut")
    compared = compare(
        shop_session, shop_lab, [cut, WorkloadStatement("SELECT 1 FROM nowhere"), WorkloadStatement("VACUUM")]
    )
    assert compared[0].error == "Its text is cut"
    assert all(c.error.startswith("Target: ") for c in compared[1:])
    assert not any(c.same_shape for c in compared)
