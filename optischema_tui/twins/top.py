"""`top`: the most expensive statements."""

from __future__ import annotations

from argparse import Namespace

from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs.observe import missing, observe
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password
from optischema_tui.twins.past import past_of
from optischema_tui.twins.rows import picture_json, picture_text


def run(context: Context, arguments: Namespace) -> int:
    if arguments.limit < 1:
        raise UsageError("--limit must be 1 or more")
    if arguments.seconds < 0:
        raise UsageError("--seconds must not be negative")

    spec = context.spec(arguments.target)
    if arguments.at:
        picture = past_of(context, spec, arguments.at)[1].picture
        context.out(picture_json(picture, arguments.limit), lambda: picture_text(picture, arguments.limit))
        return 0

    def work(spec: TargetSpec) -> int:
        watch = arguments.seconds > 0
        seen = observe(
            spec, None, ticks=2 if watch else 1, interval=arguments.seconds or spec.interval, clock=context.clock
        )
        if seen.capabilities is not None and not seen.capabilities.part("statements").available:
            raise missing(seen.capabilities.part("statements"))
        picture = seen.picture
        if picture is None:
            raise UsageError("Nothing was seen", "the server gave no answer in this time", "Try a longer --seconds")
        context.out(picture_json(picture, arguments.limit), lambda: picture_text(picture, arguments.limit))
        return 0

    return asking_password(spec, work)
