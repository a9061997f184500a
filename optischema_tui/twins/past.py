"""The past of a target for the commands that take --at."""

from __future__ import annotations

from contextlib import closing

from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.past import Moment, look_back
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.moment import parse_moment
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, say


def past_of(context: Context, spec: TargetSpec, moment: str) -> tuple[TargetIdentity, Moment]:
    """What history holds of `spec` at `moment`, as people write it; what it lacks is said. No server is asked.

    Raises UsageError when the moment cannot be read or nothing is stored of it.
    """
    at = parse_moment(moment, context.clock.wall())
    with closing(History.open(context.paths.history_db)) as history:
        identity = history.identity_of(spec.key)
        if history.notice:
            say(history.notice)
        if identity is None:
            raise UsageError("There is no history of this target", "It was never collected from here")
        found = look_back(history, identity, at)
    if found.note:
        say(f"{found.note[:1].upper()}{found.note[1:]}.")
    return identity, found
