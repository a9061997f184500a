"""Is the lab's planner true? Compare it with the target's own on the target's heaviest statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.jobs.advise import read_workload
from optischema_tui.core.lab.check import PlanComparison, compare_plans, plan_on_target
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec


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
    *,
    check: bool,
    limit: int = 50,
    clock: Clock = SYSTEM,
    progress: Callable[[str, float], None] = lambda what, fraction: None,
    lab_bindir: str = "",
) -> LabReport:
    """Build the lab of a target; with `check`, plan up to `limit` of its statements on both sides (plain EXPLAIN)."""
    binaries = find_binaries(configured=lab_bindir)
    statements = read_workload(spec, None, clock)[:limit] if check else ()
    begun = clock.monotonic()
    with reading(spec) as session:
        identity = identify(session, spec.label)
        image = read_image(session)
        # Both sides must see the same sizes, and those of a live server move on while the lab is built.
        planned = plan_on_target(session, statements)
    with Lab.build(image, binaries, progress=progress) as lab:
        built = clock.monotonic() - begun
        return LabReport(identity, lab.name, built, lab.not_modelled, compare_plans(lab, planned))
