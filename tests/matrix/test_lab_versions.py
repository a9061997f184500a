"""The lab against targets of every version: the same statements, planned on the target and in the lab."""

from __future__ import annotations

import psycopg
import pytest
from servers import hard_schema

from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.lab.check import PlanComparison, compare
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image

pytestmark = pytest.mark.deep

NULLED = {"domain app.short_email does not allow null values"}
"""Before 16 a generic plan is had with NULLs for the parameters."""


def told(compared: list[PlanComparison]) -> list[str]:
    return [
        f"{c.sql.strip()[:100]}: {c.target_cost} {c.lab_cost} | {c.target_plan and c.target_plan.shape()}"
        f" | {c.lab_plan and c.lab_plan.shape()}"
        for c in compared
    ]


def test_the_lab_plans_as_the_target_does(database: str, major: int) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        hard_schema.load(session)
        image = read_image(session)
        with Lab.build(image, find_binaries()) as lab:
            assert len(lab.not_modelled) == 2, lab.not_modelled
            compared = compare(session, lab, hard_schema.statements(session.info.server_version))
    failed = [c.error for c in compared if c.error]
    assert [error for error in failed if not any(known in error for known in NULLED)] == []
    assert len(failed) <= (major < 16)
    planned = [c for c in compared if not c.error]
    other = [c for c in planned if not c.same_shape]
    far = [c for c in planned if c.cost_error > 0.01]
    print(
        f"\n{major}: {len(planned)} plans, {len(planned) - len(other)} of the same shape,"
        f" {len(planned) - len(far)} within 1 %, {sum(c.cost_error <= 0.0001 for c in planned)} within 0.01 %,"
        f" worst {max(c.cost_error for c in planned):.2%}"
    )
    assert len(other) <= 0.05 * len(planned), told(other)
    assert len(far) <= 0.05 * len(planned), told(far)
    assert max(c.cost_error for c in planned) < 0.1, told(far)
    if major >= 16:
        assert other == [], told(other)
