"""Approve, apply, roll back, reconcile, judge: the way of a recommendation once a person has decided."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.baseline.effect import Effect, effect
from optischema_tui.core.change import protocol
from optischema_tui.core.change.judge import keep as keep_change
from optischema_tui.core.change.reconcile import Verdict, unfinished_changes, wait_running
from optischema_tui.core.change.reconcile import reconcile as reconcile_changes
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused, StorageError, UsageError
from optischema_tui.core.history.database import Database
from optischema_tui.core.history.schema import SCHEMA
from optischema_tui.core.history.store import History
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check, Recommendation, TargetIdentity
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec


@dataclass(frozen=True, slots=True)
class Ledger:
    """Recommendations that wait for a decision, changes, and recommendations that were put aside."""

    recommendations: tuple[Recommendation, ...]
    changes: tuple[Change, ...]
    dismissed: tuple[Recommendation, ...] = ()


def approve(paths: Paths, recommendation_id: str, *, clock: Clock = SYSTEM) -> Change:
    """Approve a recommendation: a change that may run within its time, on the target it was proved for."""
    with closing(History.open(paths.history_db)) as history, closing(Journal.open(paths.audit_db)) as journal:
        recommendation = history.recommendation(recommendation_id)
        identity, dsn = _reach(history, recommendation)
        return protocol.approve(journal, recommendation, identity, dsn, clock=clock)


def _reach(history: History, recommendation: Recommendation) -> tuple[TargetIdentity, str]:
    for identity, dsn in history.targets():
        if identity.fingerprint == recommendation.target:
            return identity, dsn
    raise UsageError(
        f"The target of recommendation {recommendation.id} is not known any more", "", "Run advise on it again"
    )


def dismiss(paths: Paths, recommendation_id: str, reason: str) -> Recommendation:
    """Put a recommendation aside; it stays aside when the advisor finds it again."""
    with closing(History.open(paths.history_db)) as history, closing(Journal.open(paths.audit_db)) as journal:
        recommendation = history.recommendation(recommendation_id)
        journal.record(
            "recommendation.dismissed",
            {
                "recommendation": recommendation.id,
                "target": recommendation.target,
                "reason": reason,
                "sql": recommendation.forward_sql,
                "who": actor(),
            },
        )
        history.dismiss(recommendation.id, reason)
        return recommendation


def find(paths: Paths, change_id: str) -> Change:
    """The change of that id, or the newest change of that recommendation. Raises UsageError when there is none."""
    with closing(Journal.open(paths.audit_db)) as journal:
        return journal.change(change_id)


def ledger(paths: Paths, fingerprint: str | None = None) -> Ledger:
    """Everything known of one target, or of all."""
    with closing(History.open(paths.history_db)) as history, closing(Journal.open(paths.audit_db)) as journal:
        changes = tuple(journal.changes(fingerprint=fingerprint))
        waiting = tuple(history.recommendations(fingerprint))
        everything = history.recommendations(fingerprint, include_dismissed=True)
        return Ledger(waiting, changes, tuple(rec for rec in everything if rec not in waiting))


def preflight(
    paths: Paths,
    change_id: str,
    spec: TargetSpec,
    *,
    undo: bool = False,
    clock: Clock = SYSTEM,
    on_check: Callable[[Check], None] = lambda check: None,
) -> tuple[Check, ...]:
    """Every line of the preflight of an approved change, or of the undo of an applied one; touches nothing."""
    with closing(Journal.open(paths.audit_db)) as journal:
        look = protocol.preflight_undo if undo else protocol.preflight
        return look(journal, spec, change_id, clock=clock, on_check=on_check)


def carry_out(
    paths: Paths,
    change_id: str,
    spec: TargetSpec,
    *,
    undo: bool = False,
    clock: Clock = SYSTEM,
    on_check: Callable[[Check], None] = lambda check: None,
    on_progress: Callable[[BuildProgress], None] = lambda progress: None,
    cancel: threading.Event | None = None,
) -> Change:
    """Run an approved change or, with `undo`, take an applied one back by a change of its own; gives the named one.

    Raises ChangeRefused before anything ran, ChangeFailed after.
    """
    if not undo:
        _require_history(paths, clock)
    with closing(Journal.open(paths.audit_db)) as journal:
        work = protocol.roll_back if undo else protocol.apply_change
        return work(journal, spec, change_id, clock=clock, on_check=on_check, on_progress=on_progress, cancel=cancel)


def _require_history(paths: Paths, clock: Clock) -> None:
    """What a change did could not be shown without history, so none is begun then. An undo needs the journal only."""
    with closing(Database(paths.history_db, SCHEMA, clock)) as history:
        try:
            history.check_writable()
        except StorageError as error:
            raise ChangeRefused(f"The change was not begun: {error.what}", error.why, error.todo) from error


def reconcile(paths: Paths, spec: TargetSpec, *, clock: Clock = SYSTEM) -> tuple[Verdict, ...]:
    """Compare every unfinished intent with the server, and mend. Nothing is opened when there is none."""
    if not paths.audit_db.exists():
        return ()
    with closing(Journal.open(paths.audit_db)) as journal:
        return reconcile_changes(journal, spec, clock=clock)


def unfinished(paths: Paths) -> tuple[Change, ...]:
    """Changes that `reconcile` has something to find out about, the oldest first."""
    if not paths.audit_db.exists():
        return ()
    with closing(Journal.open(paths.audit_db)) as journal:
        return unfinished_changes(journal)


def follow(
    paths: Paths,
    change_id: str,
    spec: TargetSpec,
    *,
    clock: Clock = SYSTEM,
    on_progress: Callable[[BuildProgress], None] = lambda progress: None,
    cancel: threading.Event | None = None,
) -> Change:
    """Follow a build that outlived the program that began it, to its end. Raises as `apply`."""
    with closing(Journal.open(paths.audit_db)) as journal:
        wait_running(journal, spec, change_id, clock=clock, on_progress=on_progress, cancel=cancel)
        return protocol.result(journal.change(change_id))


def keep(paths: Paths, change_id: str, reason: str, *, clock: Clock = SYSTEM) -> Change:
    """Keep an applied change by a person's own decision. Raises ChangeRefused when there is nothing to decide."""
    with closing(Journal.open(paths.audit_db)) as journal:
        return keep_change(journal, journal.change(change_id), reason, clock=clock)


def measure(paths: Paths, change_id: str) -> Effect:
    """What history says of the change's statements before it began and after it was there."""
    with closing(History.open(paths.history_db)) as history, closing(Journal.open(paths.audit_db)) as journal:
        return effect(history, journal.change(change_id))


def judge(paths: Paths, fingerprint: str, *, clock: Clock = SYSTEM) -> tuple[Change, ...]:
    """Give every change that is being verified its verdict as soon as enough was measured; gives those judged."""
    if not paths.audit_db.exists():
        return ()
    with closing(History.open(paths.history_db)) as history, closing(Journal.open(paths.audit_db)) as journal:
        judged = []
        for change in journal.changes(fingerprint=fingerprint, states={ChangeState.VERIFYING}):
            after = protocol.judge(journal, change, effect(history, change).rows, clock=clock)
            if after.state is not change.state:
                judged.append(after)
        return tuple(judged)
