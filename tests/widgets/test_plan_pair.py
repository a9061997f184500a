"""Two plans beside each other: what differs is marked, nothing leaves its side, and no plan is said to be none."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from optischema_tui.core.models import KeptPlan
from optischema_tui.widgets.glyphs import ASCII, UNICODE
from optischema_tui.widgets.lines import Line, cells, plain
from optischema_tui.widgets.plan_pair import BESIDE, plan_pair_lines, same_work


def node(kind: str, cost: float = 10.0, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    values = {name.replace("_", " "): value for name, value in more.items()}
    found = {"Node Type": kind, "Startup Cost": 0.0, "Total Cost": cost, "Plan Rows": 7, "Plan Width": 4} | values
    return found | ({"Plans": list(children)} if children else {})


def kept(found: dict[str, Any] | str, error: str = "") -> KeptPlan:
    return KeptPlan(1, 1_700_000_000.0, found if isinstance(found, str) else json.dumps(found), error)


SEQ = kept(node("Limit", 500.0, node("Seq Scan", 499.0, Relation_Name="orders", Schema="public", Filter="(a = $1)")))
INDEX = kept(
    node("Limit", 8.5, node("Index Scan", 8.4, Relation_Name="orders", Schema="public", Index_Name="orders_a_idx"))
)
WIDE, NARROW = 200, 78


def text(lines: list[Line]) -> str:
    return "\n".join(plain(line) for line in lines)


def marks(lines: list[Line]) -> list[str]:
    return re.findall(r"[-+] (?:Seq|Index) Scan", text(lines))


def test_a_node_that_one_side_alone_has_is_marked() -> None:
    for width in (WIDE, NARROW):
        lines = plan_pair_lines(SEQ, INDEX, width, UNICODE)
        assert marks(lines) == ["- Seq Scan", "+ Index Scan"]
        assert "Another plan: cost 500.00 → 8.50 (-98%), rows 7 → 7" in text(lines)
        assert "using orders_a_idx" in text(lines)


def test_another_index_is_another_node_and_another_condition_is_not() -> None:
    other = kept(SEQ.document.replace("$1", "$2"))
    assert same_work(SEQ, other) is True
    assert marks(plan_pair_lines(SEQ, other, WIDE, UNICODE)) == []
    assert "The same plan: cost 500.00 → 500.00, rows" in text(plan_pair_lines(SEQ, other, WIDE, UNICODE))
    moved = kept(INDEX.document.replace("orders_a_idx", "orders_b_idx"))
    assert same_work(INDEX, moved) is False
    assert marks(plan_pair_lines(INDEX, moved, WIDE, UNICODE)) == ["- Index Scan", "+ Index Scan"]


def test_one_scan_less_of_the_same_table_is_marked() -> None:
    scan = node("Seq Scan", 5.0, Relation_Name="orders", Schema="public")
    twice, once = kept(node("Append", 10.0, scan, scan)), kept(node("Append", 5.0, scan))
    assert marks(plan_pair_lines(twice, once, NARROW, UNICODE)) == ["- Seq Scan", "- Seq Scan"]


def test_beside_each_other_only_where_there_is_room() -> None:
    beside = [plain(line) for line in plan_pair_lines(SEQ, INDEX, BESIDE, UNICODE)]
    assert any("Before" in line and "After" in line for line in beside)
    assert len({line.index("│") for line in beside if "│" in line}) == 1
    below = [plain(line) for line in plan_pair_lines(SEQ, INDEX, BESIDE - 1, UNICODE)]
    assert not any("Before" in line and "After" in line for line in below)
    assert all("2023-11-14" in line for line in below if line.startswith(("Before", "After")))


@pytest.mark.parametrize("width", [BESIDE, BESIDE + 1, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_a_long_name_of_strange_letters_stays_on_its_side(width: int, glyphs: Any) -> None:
    name = "表\x1b[31m\u202e\t\n" * 40
    hostile = kept(node("Seq Scan", 9.0, Relation_Name=name, Schema="public", Filter=name))
    lines = plan_pair_lines(hostile, INDEX, width, glyphs)
    half = (width - 3) // 2
    rows = [line for line in lines if any(role == "rule" and piece == f" {glyphs.separator} " for piece, role in line)]
    assert len(rows) > 5
    for line in rows:
        left = line[: next(i for i, (piece, _) in enumerate(line) if piece == f" {glyphs.separator} ")]
        assert cells(left) == half
        assert plain(left) == "".join(piece for piece, _ in left), "what is drawn is as wide as what was measured"


@pytest.mark.parametrize("garbage", ["{", "[]", '"text"', '{"Plan": 3}', '{"Node Type": "X", "Plans": 5}'])
def test_where_there_is_no_plan_its_side_says_why(garbage: str) -> None:
    lines = text(plan_pair_lines(None, kept("", "The table is\x1b gone"), NARROW, UNICODE))
    assert "no plan kept: none of this statement was taken with it" in lines
    assert "no plan kept: The table is␛ gone" in lines
    assert "There are not two plans to compare." in lines
    told = text(plan_pair_lines(kept(garbage), INDEX, WIDE, UNICODE))
    assert "no plan kept: what was kept cannot be read" in told
    assert "Index Scan" in told
    assert marks(plan_pair_lines(kept(garbage), INDEX, WIDE, UNICODE)) == []
    assert same_work(kept(garbage), INDEX) is None
    assert same_work(None, INDEX) is None
