"""`collect`: observe a server into the local history, without a screen."""

from __future__ import annotations

import json
import signal
from argparse import Namespace
from contextlib import closing

from optischema_tui.core.clock import local_time
from optischema_tui.core.collect.events import Lost
from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.changes import judge
from optischema_tui.core.jobs.observe import observe
from optischema_tui.core.models import Change, Picture
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, asking_password, put, say


def run(context: Context, arguments: Namespace) -> int:
    if arguments.interval is not None and arguments.interval < 1:
        raise UsageError("--interval must be 1 second or more")
    if arguments.duration is not None and arguments.duration <= 0:
        raise UsageError("--duration must be more than 0 seconds")
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)

    def work(spec: TargetSpec) -> int:
        ticks = 0

        def on_picture(picture: Picture) -> None:
            nonlocal ticks
            ticks += 1
            judged = _judge(context, picture)
            if context.json:
                kpis = picture.kpis
                line = {
                    "at": picture.taken_at,
                    "seconds": picture.seconds,
                    "statements": len(picture.rows),
                    "db_time": kpis.db_time,
                    "tps": kpis.tps,
                    "hit_ratio": kpis.hit_ratio,
                    "judged": [{"id": change.id, "state": str(change.state)} for change in judged],
                }
                put(json.dumps(line))
            else:
                load = "-" if picture.kpis.db_time is None else f"{picture.kpis.db_time:.2f}"
                put(f"{local_time(picture.taken_at)}  {len(picture.rows)} statements  {load} s/s")

        def on_lost(lost: Lost) -> None:
            say(f"{lost.error.sentence} Trying again in {lost.retry_in:.0f} s.")

        def on_unstored(problem: StorageError) -> None:
            say(f"not stored: {problem.sentence}")

        with closing(History.open(context.paths.history_db)) as history:
            try:
                observe(
                    spec,
                    history,
                    ticks=None,
                    interval=arguments.interval or spec.interval,
                    duration=arguments.duration,
                    keep_trying=True,
                    on_picture=on_picture,
                    on_lost=on_lost,
                    on_unstored=on_unstored,
                    clock=context.clock,
                )
            except KeyboardInterrupt:
                if not ticks:
                    raise
        if not ticks:
            raise UsageError("Nothing was collected", "the server did not answer in this time", "See the lines above")
        return 0

    return asking_password(context.spec(arguments.target), work)


def _judge(context: Context, picture: Picture) -> tuple[Change, ...]:
    """Changes that got their verdict; none while the journal cannot be written, which `apply` then refuses over."""
    try:
        return judge(context.paths, picture.target.fingerprint, clock=context.clock)
    except StorageError as problem:
        say(f"no verdict on changes: {problem.sentence}")
        return ()
