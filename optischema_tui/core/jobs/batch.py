"""Several approved changes of one target, one after the other, until the first surprise."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optischema_tui.core.change.states import BEGINNABLE
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeFailed, ChangeRefused, OptischemaError
from optischema_tui.core.jobs import changes as jobs
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line, spoken
from optischema_tui.core.target.spec import TargetSpec


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """How a batch ended."""

    done: tuple[Change, ...]
    stopped_at: Change | None = None
    """The change that was the surprise, as it stands now; None when all were applied."""
    error: OptischemaError | None = None
    not_begun: tuple[Change, ...] = ()


def refuse_unless_one_batch(changes: Sequence[Change]) -> None:
    """Raises ChangeRefused when these are not approved changes of one target: then none of them is begun."""
    if len({change.target.fingerprint for change in changes}) > 1:
        raise ChangeRefused(
            "These changes are of several targets", "A batch is of one target", "Apply those of each target by itself"
        )
    unready = [change for change in changes if change.state not in BEGINNABLE]
    if unready:
        named = "; ".join(f"{one_line(change.title, 60)} is {change.state}" for change in unready)
        raise ChangeRefused(
            "Not all of these changes are approved", named, "None was begun: approve them, or leave them out"
        )


def carry_out_all(
    paths: Paths,
    changes: Sequence[Change],
    spec: TargetSpec,
    *,
    clock: Clock = SYSTEM,
    typed: Sequence[str] = (),
    on_begin: Callable[[int, Change], None] = lambda place, change: None,
    on_done: Callable[[int, Change], None] = lambda place, change: None,
    on_check: Callable[[Check], None] = lambda check: None,
    on_progress: Callable[[BuildProgress], None] = lambda progress: None,
    cancel: threading.Event | None = None,
) -> BatchEnd:
    """Apply `changes` in order. The first that is refused, fails, is cancelled or needs attention ends the batch.

    `typed`: the subjects that the person has typed, of those that nothing undoes. `on_begin` and `on_done` are told the
    place, from 0. Raises as `refuse_unless_one_batch`; what happens later is told in the result.
    """
    refuse_unless_one_batch(changes)
    stop = cancel or threading.Event()
    done: list[Change] = []
    for place, change in enumerate(changes):
        error: OptischemaError | None = None
        on_begin(place, change)
        try:
            if stop.is_set():
                raise ChangeRefused("The batch was cancelled before this change", todo="Nothing of it was sent")
            now = jobs.carry_out(
                paths, change.id, spec, clock=clock, on_check=on_check, on_progress=on_progress, cancel=stop,
                typed=next((each for each in typed if is_subject(each, change)), ""),
            )  # fmt: skip
            if now.state is ChangeState.NEEDS_ATTENTION:
                error = ChangeFailed("The change is in need of attention", str(now.detail.get("result", "")))
        except OptischemaError as caught:
            error = caught
        if error is not None:
            return BatchEnd(tuple(done), jobs.find(paths, change.id), error, tuple(changes[place + 1 :]))
        done.append(now)
        on_done(place, now)
    return BatchEnd(tuple(done))


def is_subject(typed: str, change: Change) -> bool:
    """Whether `typed` names what the change is about."""
    return spoken(typed) == spoken(change.subject or change.kind)
