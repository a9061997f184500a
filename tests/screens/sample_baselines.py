"""Two baselines with plans, and how they compare, made up: one statement became faster by an index, one slower."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import sample_data as sample

from optischema_tui import messages as m
from optischema_tui.core.baseline.compare import Comparison, compare
from optischema_tui.core.models import Baseline, KeptPlan, WindowStats

FACTORS = (0.02, 1.0, 1.6, 1.01, 0.7, 1.0)


def document(node: str, cost: float, rows: int, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    values = {name.replace("_", " "): value for name, value in more.items()}
    found = {"Node Type": node, "Startup Cost": 0.29, "Total Cost": cost, "Plan Rows": rows, "Plan Width": 24} | values
    return found | ({"Plans": list(children)} if children else {})


SLOW = document(
    "Aggregate", 8_216.02, 1,
    document("Seq Scan", 8_204.5, 4_610, Relation_Name="orders", Schema="public", Alias="o",
             Filter="((customer_id = $1) AND (created_at > $2))"),
    Strategy="Plain",
)  # fmt: skip
FAST = document(
    "Aggregate", 152.1, 1,
    document("Index Scan", 140.6, 4_610, Relation_Name="orders", Schema="public", Alias="o",
             Index_Name="orders_customer_id_created_at_idx",
             Index_Cond="((customer_id = $1) AND (created_at > $2))"),
    Strategy="Plain",
)  # fmt: skip


def plan(place: int, at: float, found: dict[str, Any] | None, error: str = "") -> KeptPlan:
    return KeptPlan(sample.row(place).key.queryid, at, json.dumps(found) if found else "", error)


def statements(factors: tuple[float, ...]) -> tuple[WindowStats, ...]:
    return tuple(
        WindowStats(
            sample.row(place).key, sample.TEXTS[place], 9_000 - 900 * place, (400_000.0 / (place + 1)) * factor,
            18_000, int(2_400_000 * factor), 700 if place == 2 else 0, 8.0 / (place + 1) * factor,
        )
        for place, factor in enumerate(factors)
    )  # fmt: skip


def pair() -> tuple[Baseline, Baseline]:
    """The later one first, as they are listed."""
    now, target = sample.NOW, sample.TARGET.fingerprint
    later = Baseline(
        "after the deployment", target, now - 600, now - 4_200, now - 600, statements(FACTORS),
        (plan(0, now - 600, FAST), plan(1, now - 600, FAST), plan(2, now - 600, None, "The table is gone")),
    )  # fmt: skip
    earlier = Baseline(
        "before 0c7d52a1", target, now - 90_000, now - 93_600, now - 90_000, statements((1.0,) * 6),
        (plan(0, now - 90_000, SLOW), plan(1, now - 90_000, FAST), plan(2, now - 90_000, SLOW)),
        change_id="0192-0c7d52a1",
    )  # fmt: skip
    return later, earlier


def compared() -> Comparison:
    later, earlier = pair()
    found = compare(earlier, later)
    news, olds = ({each.queryid: each for each in side.plans} for side in (later, earlier))
    words = {0: "before without public.orders_customer_id_created_at_idx, after with it"}
    rows = tuple(
        replace(
            row, plans=(olds.get(row.key.queryid), news.get(row.key.queryid)),
            plan=words.get(row.key.queryid - sample.row(0).key.queryid, ""),
        )
        for row in found.rows
    )  # fmt: skip
    return replace(found, rows=rows)


class Baselines(sample.FakeBridge):
    """Keeps baselines in memory."""

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        self.kept = pair()

    def ask(self, request: m.Request) -> None:
        tell = self.app.post_message
        match request:
            case m.LoadBaselines():
                self.asked.append(request)
                tell(m.BaselinesReady(self.kept))
            case m.CompareBaselines(first, _, label):
                self.asked.append(request)
                tell(m.ComparisonReady(first, label, compared()))
            case m.DeleteBaseline(name):
                self.asked.append(request)
                self.kept = tuple(each for each in self.kept if each.name != name)
                tell(m.BaselinesReady(self.kept))
            case _:
                super().ask(request)
