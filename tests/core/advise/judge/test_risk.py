"""What an index may cost its table, as a level with reasons; and names that fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.advise.judge.risk import assess, updated_columns
from optischema_tui.core.advise.judge.writes import RowUpdate, TableWrites
from optischema_tui.core.advise.naming import index_name
from optischema_tui.core.models import IndexSpec, Risk
from tests.core.advise.judge.test_upkeep import TABLE, have, spec

CALM = replace(TABLE, rows=100_000.0, size_bytes=8_000_000)


def test_risk_by_size_indexes_and_writes():
    def level(table, size: int = 1, calls: int = 100) -> Risk:
        return assess(spec("number"), table, size, calls, [""])[0]

    assert level(CALM, 1_000_000) is Risk.LOW
    assert level(replace(CALM, size_bytes=2 << 30)) is Risk.MEDIUM
    assert level(replace(CALM, size_bytes=60 << 30)) is Risk.HIGH
    assert level(replace(CALM, indexes=(have("i", "word"),) * 9)) is Risk.MEDIUM
    assert level(replace(CALM, writes=10_000_000)) is Risk.MEDIUM
    assert level(replace(CALM, writes=100_000), calls=1) is Risk.LOW
    assert level(CALM, 6_000_000) is Risk.MEDIUM
    assert level(replace(CALM, partitioned=True)) is Risk.MEDIUM


HOLD_FEW = (
    spec("few"),
    spec("number", predicate="few = 1"),
    spec("(few + 1)", computed=(True,)),
    spec("at", include=("few",)),
)


@pytest.mark.parametrize("index", HOLD_FEW)
def test_hot_updates_that_would_be_lost_are_a_risk(index):
    for writes in (None, TableWrites(updates=(RowUpdate(frozenset(("few",)), 500.0),))):
        level, reasons = assess(index, CALM, 1, 100, ["UPDATE t SET few = $1 WHERE id = $2"], writes)
        assert level is Risk.MEDIUM
        assert "few, which no index holds yet: HOT" in reasons[0]
    assert "250 in the measured time" in reasons[0], "half of them are taken to be HOT where no counter tells"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("UPDATE t SET a = 1, b = f(c, d) WHERE e = 2", {"a", "b"}),
        ('update only public."t" as x set (a, "b") = (1, 2) from y', {"a", "b"}),
        ("UPDATE other SET a = 1", set()),
        ("SELECT 1 FROM t", set()),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1", set()),
    ],
)
def test_updated_columns(text, found):
    assert updated_columns(text, "t") == found


def test_names_fit_and_stay():
    assert index_name(spec("a", "b")) == index_name(spec("a", "b")) != index_name(spec("b", "a"))
    taken = index_name(spec("a"))
    assert taken.startswith("t_a_os")
    assert index_name(spec("a"), {taken}) not in ("", taken)
    for table in ("ü" * 40, "表" * 30, "x" * 63, "a" + "é" * 31):
        name = index_name(IndexSpec("public", table, ("spalte", "ñandú")))
        assert len(name.encode()) <= 63
        assert name.rpartition("_os")[0] == (table + "_spalte_ñandú")[: len(name.rpartition("_os")[0])]
