"""`collect`: observe one server or several into the local history, without a screen."""

from __future__ import annotations

import json
import signal
from argparse import Namespace
from contextlib import closing
from threading import Thread

from optischema_tui.core.clock import local_time
from optischema_tui.core.collect.events import Lost
from optischema_tui.core.errors import OptischemaError, StorageError, UsageError
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import alarms
from optischema_tui.core.jobs.audit import look_after
from optischema_tui.core.jobs.daemon import Daemon
from optischema_tui.core.jobs.verdicts import Watch, Watched, run_command
from optischema_tui.core.models import Picture
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.twins.context import Context, put, say


def run(context: Context, arguments: Namespace) -> int:
    if arguments.interval is not None and arguments.interval < 1:
        raise UsageError("--interval must be 1 second or more")
    if arguments.duration is not None and arguments.duration <= 0:
        raise UsageError("--duration must be more than 0 seconds")
    names = arguments.targets or [None]
    if arguments.all_profiles:
        if arguments.targets:
            raise UsageError("Give targets or --all-profiles, not both")
        names = list(context.config.profiles)
        if not names:
            raise UsageError(f"There is no profile in {context.config.path}", todo="Name the targets")
    specs = [context.spec(name) for name in names]
    if len({spec.key for spec in specs}) < len(specs):
        raise UsageError("Two of the targets are the same")
    listener = _Printer(context, several=len(specs) > 1)
    Thread(target=_look_after_journal, args=(context,), daemon=True).start()
    limits = Limits(bytes=context.config.history_mb << 20)
    with closing(History.open(context.paths.history_db, context.clock, limits)) as history:
        daemon = Daemon(
            specs, history, context.paths.state_dir, listener, interval=arguments.interval, clock=context.clock
        )
        daemon.run(arguments.duration)
    if daemon.ticks or daemon.stopped_by == signal.SIGTERM:
        return 0
    if daemon.stopped_by is not None:
        raise KeyboardInterrupt
    if listener.followed:
        return 0
    raise UsageError("Nothing was collected", "the server did not answer in this time", "See the lines above")


def _look_after_journal(context: Context) -> None:
    try:
        notice = look_after(context.paths, context.clock)
    except StorageError as error:
        notice = error.sentence
    if notice:
        say(notice)


class _Printer:
    """A line for each tick on standard output; for each trouble, on standard error."""

    def __init__(self, context: Context, *, several: bool) -> None:
        self._context = context
        self._several = several
        self._noticed = ""
        self._watches: dict[str, Watch] = {}
        self.followed = False
        """Another program collected a target all the while, or for a part of it."""

    def picture(self, spec: TargetSpec, picture: Picture) -> None:
        watched = self._look(spec, picture)
        judged = watched.judged
        kpis = picture.kpis
        if self._context.json:
            line = {
                "target": spec.label,
                "at": picture.taken_at,
                "seconds": picture.seconds,
                "statements": len(picture.rows),
                "db_time": kpis.db_time,
                "tps": kpis.tps,
                "hit_ratio": kpis.hit_ratio,
                "judged": [{"id": change.id, "state": str(change.state)} for change in judged],
                "alerts": [{"change": one.change_id, "sentence": one.sentence} for one in watched.alerts],
            }
            put(json.dumps(line))
        else:
            load = "-" if kpis.db_time is None else f"{kpis.db_time:.2f}"
            put(f"{local_time(picture.taken_at)}  {self._name(spec)}{len(picture.rows)} statements  {load} s/s")

    def lost(self, spec: TargetSpec, lost: Lost) -> None:
        say(f"{self._name(spec)}{lost.error.sentence} Trying again in {lost.retry_in:.0f} s.")

    def unstored(self, spec: TargetSpec, problem: StorageError) -> None:
        say(f"{self._name(spec)}not stored: {problem.sentence}")

    def noticed(self, sentence: str) -> None:
        if sentence != self._noticed:
            self._noticed = sentence
            say(sentence)

    def role(self, spec: TargetSpec, who: str) -> None:
        if who:
            self.followed = True
            say(f"{spec.label}: {who} collects this target already; it is taken over when that program ends.")

    def mistake(self, spec: TargetSpec, error: OptischemaError) -> None:
        say(f"{self._name(spec)}{error.sentence}")

    def _name(self, spec: TargetSpec) -> str:
        return f"{spec.label}: " if self._several else ""

    def _look(self, spec: TargetSpec, picture: Picture) -> Watched:
        """Changes that got their verdict, and what got worse by one; nothing while the journal cannot be written, which
        `apply` refuses over."""
        fingerprint = picture.target.fingerprint
        watch = self._watches.setdefault(fingerprint, Watch(self._context.paths, self._context.clock))
        try:
            watched = watch.look(fingerprint)
        except StorageError as problem:
            say(f"no verdict on changes: {problem.sentence}")
            return Watched()
        for alert in watched.alerts:
            say(f"{self._name(spec)}{alert.sentence}")
        if watched.alerts or self._due(spec, fingerprint):
            Thread(target=self._follow_up, args=(spec, fingerprint, watched), daemon=True).start()
        return watched

    def _due(self, spec: TargetSpec, fingerprint: str) -> bool:
        """Whether something is to be rolled back by itself; `_look` has told when the journal cannot be used."""
        try:
            return bool(alarms.due(self._context.paths, spec, fingerprint, clock=self._context.clock))
        except StorageError:
            return False

    def _follow_up(self, spec: TargetSpec, fingerprint: str, watched: Watched) -> None:
        """Collecting does not wait for the person's own command, nor for a rollback."""
        context = self._context
        for _, told in alarms.take_back(context.paths, spec, fingerprint, clock=context.clock):
            say(f"{self._name(spec)}{told}")
        for alert in watched.alerts:
            if context.config.watch_command and (
                failure := run_command(context.config.watch_command, alert, spec.label)
            ):
                say(failure)
