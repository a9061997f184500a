"""What follows when figures say that a change has made something worse, without anybody at the keyboard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optischema_tui.core.change.judge import due_for_undo
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.jobs.changes import carry_out
from optischema_tui.core.models import Change
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec


def due(judged: Sequence[Change], spec: TargetSpec) -> tuple[Change, ...]:
    """Those of the judged changes that their approver wanted to be rolled back in this case, where changes are on."""
    return tuple(change for change in judged if spec.allow_changes and due_for_undo(change, change))


def take_back(
    paths: Paths, spec: TargetSpec, judged: Sequence[Change], *, clock: Clock = SYSTEM
) -> Iterator[tuple[Change, str]]:
    """Roll back what is `due`, one after the other; each with one sentence that says how it went."""
    for change in due(judged, spec):
        try:
            undone = carry_out(paths, change.id, spec, undo=True, clock=clock)
        except OptischemaError as error:
            yield change, f"{change.title} could not be rolled back by itself. {error.sentence}"
        else:
            yield undone, f"{change.title} was rolled back by itself, as its approver wanted: something got worse"
