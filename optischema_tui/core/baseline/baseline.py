"""Named baselines, out of the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed

from optischema_tui.core.clock import SYSTEM, Clock, local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Baseline
from optischema_tui.core.safe_text import one_line

NAME_LIMIT = 60


def create(
    history: History,
    fingerprint: str,
    name: str,
    since: float,
    until: float,
    clock: Clock = SYSTEM,
    *,
    replace: bool = False,
    most: int | None = None,
    with_plans: Callable[[Baseline], Baseline] = lambda made: made,
) -> Baseline:
    """Store what history holds between `since` and `until` (seconds since 1970) under `name`, of the `most` heaviest
    statements only where that is given. `with_plans` adds the plans that they have now.

    Raises UsageError for an empty or unfit name, a name in use unless `replace`, and a window without history.
    """
    name = name.strip()
    if not name or name != one_line(name, NAME_LIMIT):
        raise UsageError(
            "This is no name for a baseline", todo=f"Give 1 to {NAME_LIMIT} printable characters on one line"
        )
    if not replace and any(known.name == name for known in history.baselines(fingerprint)):
        raise UsageError(
            f"There is a baseline {name} of this target already", todo="Choose another name, or ask to replace it"
        )
    made = take(history, fingerprint, name, since, until, clock)
    if most is not None:
        made = changed(made, statements=made.statements[:most])
    made = with_plans(made)
    history.save_baseline(made)
    return made


def take(history: History, fingerprint: str, name: str, since: float, until: float, clock: Clock = SYSTEM) -> Baseline:
    """The same without storing it: the present side of a comparison. Raises UsageError for an empty window."""
    statements = history.window(fingerprint, since, until)
    if not statements:
        raise UsageError(
            f"History holds no interval of this target between {local_stamp(since)} and {local_stamp(until)}",
            "A baseline is made of what was observed",
            "Observe the target first: open it, or run `optischema-tui collect TARGET`",
        )
    return Baseline(name, fingerprint, clock.wall(), since, until, statements)
