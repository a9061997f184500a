"""Is the lab's planner true? Compare it with the target's own on the target's heaviest statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optischema_tui.core.advise.values.draw import draw
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.errors import PlanFailed
from optischema_tui.core.jobs.advise import read_workload
from optischema_tui.core.jobs.lab import open_lab
from optischema_tui.core.lab.check import PlanComparison, Text, compare_plans, own_texts, plan_on_target
from optischema_tui.core.lab.fidelity import in_turns
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import CatalogFacts, TargetIdentity
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.statement import WorkloadStatement, main_role

MOST_VALUES = 3
"""Texts with values that are compared for one statement, beside its own."""


@dataclass(frozen=True, slots=True)
class LabReport:
    target: TargetIdentity
    lab_version: str
    build_seconds: float
    not_modelled: tuple[str, ...]
    comparisons: tuple[PlanComparison, ...]
    """Empty when no check was asked for."""

    @property
    def agrees(self) -> bool:
        """Every compared plan has the same shape and a cost within 0.1 %."""
        return all(c.same_shape and c.cost_error <= 0.001 for c in self.comparisons if not c.error)


def run_lab(
    spec: TargetSpec,
    paths: Paths,
    *,
    check: bool,
    limit: int = 50,
    clock: Clock = SYSTEM,
    progress: Callable[[str, float], None] = lambda what, fraction: None,
    lab_bindir: str = "",
) -> LabReport:
    """Build the lab of a target; with `check`, plan up to `limit` of its statements on both sides (plain EXPLAIN).

    Each is planned as it is, its parameters unknown, and with values drawn from the statistics.
    """
    binaries = find_binaries(configured=lab_bindir)
    statements = read_workload(spec, None, clock)[:limit] if check else ()
    begun = clock.monotonic()
    with reading(spec) as session:
        identity = identify(session, spec.label)
        image = read_image(session, role=main_role(statements), rows=spec.sample_rows)
        # Both sides must see the same sizes, and those of a live server move on while the lab is built.
        planned = plan_on_target(session, own_texts(statements), clock=clock)
        with open_lab(image, binaries, paths, target=identity.fingerprint, progress=progress) as lab:
            built = clock.monotonic() - begun
            drawn = _drawn(lab, image.facts(), statements)
            planned += plan_on_target(session, drawn, clock=clock)
            comparisons = compare_plans(lab, planned)
            return LabReport(identity, lab.name, built, lab.not_modelled, _together(statements, comparisons))


def _drawn(lab: Lab, facts: CatalogFacts, statements: Sequence[WorkloadStatement]) -> list[Text]:
    """Texts with values, the heaviest of each statement first."""
    groups = []
    for statement in statements:
        if statement.problem:
            continue
        try:
            texts = draw(statement, lab.plan(statement.sql), facts, lab.plan, most=MOST_VALUES)
        except PlanFailed:
            continue  # the comparison of its own text says why
        groups.append([Text(statement, each.sql, each.values) for each in texts if each.sql != statement.sql])
    return in_turns(groups)


def _together(
    statements: Sequence[WorkloadStatement], comparisons: Sequence[PlanComparison]
) -> tuple[PlanComparison, ...]:
    """The comparisons in the order of their statements."""
    order = {statement.queryid: place for place, statement in enumerate(statements)}
    return tuple(sorted(comparisons, key=lambda one: order[one.queryid]))
