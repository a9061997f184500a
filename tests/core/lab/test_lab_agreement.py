"""The lab plans as the target does: same shapes, same costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from optischema_tui.core.lab.check import PlanComparison, compare
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.workload.statement import WorkloadStatement

STATEMENTS = tuple(
    WorkloadStatement(sql, queryid=number)
    for number, sql in enumerate(Path(__file__).with_name("labstatements.sql").read_text("utf-8").split(";\n"))
    if sql.strip()
)


def disagreements(compared: tuple[PlanComparison, ...], allowed: float) -> list[str]:
    """The comparisons that do not agree, told so that an assertion's message helps."""
    return [
        f"{c.sql.strip()[:90]}: {c.error or f'{c.target_cost} {c.lab_cost}'}"
        f" | {c.target_plan.shape() if c.target_plan else ''} | {c.lab_plan.shape() if c.lab_plan else ''}"
        for c in compared
        if c.error or not c.same_shape or c.cost_error > allowed
    ]


def test_same_version_plans_agree(shop_session: psycopg.Connection[Any], shop_lab: Lab) -> None:
    compared = compare(shop_session, shop_lab, STATEMENTS)
    assert len(compared) >= 30
    assert disagreements(compared, 0.001) == []
    used = {name for c in compared if c.lab_plan for name in c.lab_plan.indexes()}
    assert {"orders_pkey", "customer_email", "customer_tags", "orders_large", "event_a_who_idx"} <= used


def test_nothing_of_the_target_is_missing(shop_lab: Lab) -> None:
    assert shop_lab.not_modelled == ()


def test_the_lab_holds_no_row(shop_lab: Lab) -> None:
    with psycopg.connect(shop_lab._parts.cluster.dsn("lab"), autocommit=True) as session:
        for table in ("orders", "customer", "item"):
            assert session.execute(f"SELECT count(*) FROM public.{table}".encode()).fetchone() == (0,)
