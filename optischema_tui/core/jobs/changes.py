"""Approve, apply, roll back, reconcile, judge: the way of a recommendation once a person has decided."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.audit.events import cancelled
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change import protocol
from optischema_tui.core.change.approval import give_approval
from optischema_tui.core.change.judge import keep as keep_change
from optischema_tui.core.change.reconcile import RUNNING, Verdict, unfinished_changes, wait_running
from optischema_tui.core.change.reconcile import reconcile as reconcile_changes
from optischema_tui.core.change.withdraw import withdraw as withdraw_change
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused, StorageError, UsageError
from optischema_tui.core.history.database import Database
from optischema_tui.core.history.schema import SCHEMA
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.baselines import before_change
from optischema_tui.core.jobs.verdicts import measure as measure
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check, Recommendation, TargetIdentity
from optischema_tui.core.paths import Paths
from optischema_tui.core.policy.places import load_policy
from optischema_tui.core.policy.rules import OwnRules
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.spec import TargetSpec

_AT_WORK = frozenset({ChangeState.INTENT, ChangeState.EXECUTING, ChangeState.UNKNOWN})
"""The server may be at work for a change in these states."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Recommendations that wait for a decision, changes, and recommendations that were put aside."""

    recommendations: tuple[Recommendation, ...]
    changes: tuple[Change, ...]
    dismissed: tuple[Recommendation, ...] = ()


def propose(paths: Paths, spec: TargetSpec, sql: str, *, clock: Clock = SYSTEM) -> Change:
    """A proposed change out of a statement that a person has written. Raises as `propose_written`."""
    with closing(Journal.of(paths)) as journal:
        return propose_written(journal, spec, sql, clock=clock)


def approve(
    paths: Paths,
    wanted: str,
    *,
    rules_of: Callable[[str], OwnRules],
    auto_undo: bool = False,
    clock: Clock = SYSTEM,
) -> Change:
    """Approve a change, or a recommendation, by its id: it may then run within its time, on the target it is for.

    `rules_of` gives the policy of the target that a conninfo string leads to. Raises UsageError when there is no such
    one, or several; ChangeRefused as `give_approval` and `protocol.approve`; StorageError.
    """
    with closing(History.open(paths.history_db)) as history, closing(Journal.of(paths)) as journal:
        own = [change for change in journal.changes() if change.id.startswith(wanted.strip().lower() or "-")]
        recommended = _recommendation(history, wanted)
        if own and recommended is None:
            change = journal.change(wanted)
            policy = load_policy(rules_of(change.dsn))
            return give_approval(journal, change, clock, auto_undo=auto_undo, policy=policy)
        if own:
            raise UsageError(
                f"A change and a recommendation begin with {one_line(wanted, 60)}", todo="Give more of its characters"
            )
        recommendation = recommended or history.recommendation(wanted)
        identity, dsn = _reach(history, recommendation)
        policy = load_policy(rules_of(dsn))
        return protocol.approve(journal, recommendation, identity, dsn, clock=clock, auto_undo=auto_undo, policy=policy)


def _recommendation(history: History, wanted: str) -> Recommendation | None:
    try:
        return history.recommendation(wanted)
    except UsageError:
        return None


def _reach(history: History, recommendation: Recommendation) -> tuple[TargetIdentity, str]:
    for identity, dsn in history.targets():
        if identity.fingerprint == recommendation.target:
            return identity, dsn
    raise UsageError(
        f"The target of recommendation {recommendation.id} is not known any more", "", "Run advise on it again"
    )


def dismiss(paths: Paths, recommendation_id: str, reason: str) -> Recommendation:
    """Put a recommendation aside; it stays aside when the advisor finds it again."""
    with closing(History.open(paths.history_db)) as history, closing(Journal.of(paths)) as journal:
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
    with closing(Journal.of(paths)) as journal:
        return journal.change(change_id)


def ledger(paths: Paths, fingerprint: str | None = None) -> Ledger:
    """Everything known of one target, or of all."""
    with closing(History.open(paths.history_db)) as history, closing(Journal.of(paths)) as journal:
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
    with closing(Journal.of(paths)) as journal:
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
    typed: str = "",
) -> Change:
    """Run an approved change or, with `undo`, take an applied one back by a change of its own; gives the named one.

    Raises ChangeRefused before anything ran, ChangeFailed after.
    """
    if not undo:
        _require_history(paths, clock)
        before_change(paths, find(paths, change_id), spec, clock=clock)
    work = protocol.roll_back if undo else partial(protocol.apply_change, typed=typed)
    with closing(Journal.of(paths)) as journal:
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
    with closing(Journal.of(paths)) as journal:
        return reconcile_changes(journal, spec, clock=clock)


def unfinished(paths: Paths) -> tuple[Change, ...]:
    """Changes that `reconcile` has something to find out about, the oldest first."""
    if not paths.audit_db.exists():
        return ()
    with closing(Journal.of(paths)) as journal:
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
    with closing(Journal.of(paths)) as journal:
        wait_running(journal, spec, change_id, clock=clock, on_progress=on_progress, cancel=cancel)
        return protocol.result(journal.change(change_id))


def cancel(
    paths: Paths,
    change_id: str,
    spec: TargetSpec,
    *,
    clock: Clock = SYSTEM,
    on_progress: Callable[[BuildProgress], None] = lambda progress: None,
) -> Change:
    """End what the server still does for a change, or for its undo, whichever program began it; gives that change once
    what is left of it was removed.

    Raises ChangeRefused when nothing of it runs or changes are off here, TargetError when the server is lost.
    """
    with closing(Journal.of(paths)) as journal:
        named = journal.change(change_id)
        undoing = [each for each in journal.changes(states=_AT_WORK) if each.rolls_back == named.id]
        change = undoing[0] if undoing and named.state not in _AT_WORK else named
        if not spec.allow_changes:
            raise ChangeRefused(
                "Changes are off for this target", "A cancelled build leaves something to remove", "--allow-changes"
            )
        if change.state not in _AT_WORK:
            raise ChangeRefused(f"The change is {change.state}", "Only one that runs can be cancelled")
        cancelled(journal, "apply", "A person asked for its end", change_id=change.id)
        stop = threading.Event()
        stop.set()
        while (
            wait_running(journal, spec, change.id, clock=clock, on_progress=on_progress, cancel=stop).finding == RUNNING
        ):
            """Its program goes on with what it has still to do: the next statement, or the removal of what is left."""
        return journal.change(change.id)


def keep(paths: Paths, change_id: str, reason: str, *, clock: Clock = SYSTEM) -> Change:
    """Keep an applied change by a person's own decision. Raises ChangeRefused when there is nothing to decide."""
    with closing(Journal.of(paths)) as journal:
        return keep_change(journal, journal.change(change_id), reason, clock=clock)


def withdraw(paths: Paths, change_id: str, reason: str, *, clock: Clock = SYSTEM) -> Change:
    """Withdraw a change of which nothing is on the server. Raises UsageError, ChangeRefused, StorageError."""
    with closing(Journal.of(paths)) as journal:
        return withdraw_change(journal, journal.change(change_id), reason, clock=clock)
