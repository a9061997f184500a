"""A target of an older version than the lab's planner."""

from __future__ import annotations

from pathlib import Path

import psycopg

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.lab.check import compare
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.workload.statement import WorkloadStatement


def test_fifteen_in_eighteen(fresh_old_db: str, binaries: Binaries) -> None:
    here = Path(__file__)
    with psycopg.connect(fresh_old_db, autocommit=True) as session:
        for statement in here.with_name("labtarget.sql").read_text("utf-8").split(";\n"):
            if statement.strip():
                session.execute(statement.encode())
        image = read_image(session)
        statements = [
            WorkloadStatement(sql) for sql in here.with_name("labstatements.sql").read_text("utf-8").split(";\n") if sql
        ]
        with Lab.build(image, binaries) as lab:
            assert lab.not_modelled == ()
            compared = compare(session, lab, statements)
    assert [c.error for c in compared if c.error] == []
    close = [c for c in compared if c.cost_error <= 0.01]
    same = [c for c in compared if c.same_shape]
    assert len(close) >= 0.9 * len(compared), [(c.sql, c.target_cost, c.lab_cost) for c in compared if c not in close]
    assert len(same) >= 0.8 * len(compared), [(c.sql, c.target_plan, c.lab_plan) for c in compared if c not in same]
