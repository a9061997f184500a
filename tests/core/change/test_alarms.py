"""A change that makes something worse is taken back by itself, where its approver said so and changes are on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.approval import begin, drafted, give_approval, propose
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.protocol import apply_change, keep, roll_back
from optischema_tui.core.change.session import lock_key
from optischema_tui.core.change.withdraw import withdraw
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import alarms, verdicts
from optischema_tui.core.models import Change, ChangeState, IndexSpec
from optischema_tui.core.paths import Paths
from tests.core import conftest as pretended
from tests.core.change.conftest import BY_ORDER, recommend

Bench = Any
"""See conftest."""


@pytest.mark.parametrize("auto_undo", [True, False])
def test_what_got_worse_is_taken_back(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auto_undo: bool
) -> None:
    monkeypatch.setattr(pretended, "IDENTITY", bench.identity)
    paths, clock = Paths(tmp_path / "config.toml", bench.journal_path.parent), FixedClock()
    history = History.open(paths.history_db, clock)
    feed = pretended.Feed(history, clock)

    def traffic(count: int, ms: float) -> None:
        for number in range(count):
            feed.tick({42: [ms * (0.97, 1.0, 1.04, 0.99)[number % 4]] * 10}, first=not feed.calls)

    traffic(60, 5.0)
    change = propose(bench.journal, bench.recommendation(), bench.identity, bench.dsn, clock=clock)
    give_approval(bench.journal, change, clock, auto_undo=auto_undo)
    apply_change(bench.journal, bench.spec, change.id, clock=clock, limits=bench.quick)
    assert bench.index_state() == "valid"
    traffic(200, 50.0)
    history.close()

    watched = verdicts.Watch(paths, clock).look(bench.identity.fingerprint)
    assert [one.state for one in watched.judged] == [ChangeState.NEEDS_ATTENTION]
    assert [one.change_id for one in watched.alerts] == [change.id]
    closed = replace(bench.spec, allow_changes=False)
    fingerprint = bench.identity.fingerprint
    assert alarms.due(paths, closed, fingerprint, clock=clock) == ()
    found = list(alarms.take_back(paths, bench.spec, fingerprint, clock=clock))
    assert [one.state for one, _ in found] == [ChangeState.ROLLED_BACK] * auto_undo
    assert bench.index_state() == ("absent" if auto_undo else "valid")
    assert bench.journal.verify().ok
    assert list(alarms.take_back(paths, bench.spec, fingerprint, clock=clock)) == []


class Desk:
    """Two applied changes whose approver wanted them back when they are worse, and the rollbacks that are due."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.clock = FixedClock()
        self.paths = Paths(bench.journal_path.parent / "config.toml", bench.journal_path.parent)
        wanted = (BY_ORDER, "items_order_id_os1"), (IndexSpec("public", "items", ("note",)), "items_note_os1")
        self.changes = [self._applied(*each) for each in wanted]

    def _applied(self, index: IndexSpec, name: str) -> Change:
        bench = self.bench
        made = propose(bench.journal, recommend(bench.identity, index, name), bench.identity, bench.dsn)
        give_approval(bench.journal, made, self.clock, auto_undo=True)
        return apply_change(bench.journal, bench.spec, made.id, clock=self.clock, limits=bench.quick)

    def worse(self, change: Change) -> Change:
        now = self.bench.journal.change(change.id)
        ledger = Ledger(self.bench.journal, now, self.clock)
        if now.state is ChangeState.NEEDS_ATTENTION:  # no plan reads it: that alone takes nothing back
            ledger.move(ChangeState.KEPT, "Kept")
        return ledger.move(ChangeState.NEEDS_ATTENTION, "Slower", worse=True)

    def due(self) -> list[str]:
        fingerprint = self.bench.identity.fingerprint
        return [change.id for change in alarms.due(self.paths, self.bench.spec, fingerprint, clock=self.clock)]

    def take_back(self) -> list[str]:
        fingerprint = self.bench.identity.fingerprint
        found = list(alarms.take_back(self.paths, self.bench.spec, fingerprint, clock=self.clock))
        return [told for _, told in found]

    def undos(self, change: Change) -> list[Change]:
        return [other for other in self.bench.journal.changes() if other.rolls_back == change.id]


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


def test_what_was_due_when_no_program_ran_is_done_late_and_once(desk: Desk) -> None:
    first, second = desk.changes
    for change in (first, second):
        desk.worse(change)
    desk.clock.advance(900.0)
    assert desk.due() == [first.id, second.id]
    with alarms.alone(desk.paths) as alone:
        assert alone
        assert desk.take_back() == [], "another program of this user is at it"
    assert len(desk.take_back()) == 2
    assert (desk.due(), desk.take_back()) == ([], [])
    assert [len(desk.undos(change)) for change in (first, second)] == [1, 1]
    assert desk.bench.index_state("items_note_os1") == "absent"
    late = [entry for entry in desk.bench.journal.entries() if entry.event == "change.undo_late"]
    assert [entry.change_id for entry in late] == [first.id, second.id]
    assert "900 seconds after it was due. No program" in late[0].body["result"]


def test_a_refused_rollback_is_tried_again_after_longer_and_longer_waits(desk: Desk) -> None:
    first, _ = desk.changes
    desk.worse(first)
    with psycopg.connect(desk.bench.dsn) as other:
        lock = "SELECT pg_try_advisory_lock(1330860097, hashtext(%s))"
        assert other.execute(lock, [lock_key(first)]).fetchone() == (True,)
        assert "Another change of public.items" in desk.take_back()[0]
        assert desk.due() == []
        desk.clock.advance(alarms.AGAIN_SECONDS)
        assert len(desk.take_back()) == 1
        desk.clock.advance(alarms.AGAIN_SECONDS / 2)
        assert desk.due() == []
        desk.clock.advance(alarms.AGAIN_SECONDS / 2)
        assert len(desk.take_back()) == 1
        desk.clock.advance(alarms.AGAIN_SECONDS)
        assert desk.due() == [], "it has waited two of them: so it waits two more"
    desk.clock.advance(alarms.AGAIN_SECONDS)
    assert "was rolled back by itself" in desk.take_back()[0]
    assert len(desk.undos(first)) == 1
    late = [entry for entry in desk.bench.journal.entries() if entry.event == "change.undo_late"]
    assert "It was refused before" in late[-1].body["result"]


@pytest.mark.parametrize("decision", ["kept", "withdrawn", "rolled back"])
def test_never_after_a_person_has_decided(desk: Desk, decision: str) -> None:
    first, _ = desk.changes
    change, journal = desk.worse(first), desk.bench.journal
    if decision == "kept":
        keep(journal, change, "we can live with it", clock=desk.clock)
    elif decision == "rolled back":
        roll_back(journal, desk.bench.spec, change.id, clock=desk.clock, limits=desk.bench.quick)
    else:
        draft = kind_of(change.kind).inverse(change)
        assert draft is not None
        undo = begin(journal, drafted(draft, change.target, change.dsn, desk.clock, rolls_back=change.id))
        withdraw(journal, undo, "it stays", clock=desk.clock)
    desk.clock.advance(86400.0)
    assert (desk.due(), desk.take_back()) == ([], [])


def test_a_second_rollback_of_the_same_change_is_refused(desk: Desk) -> None:
    """Two programs may both have written one down before either of them had the lock."""
    first, _ = desk.changes
    change, journal = desk.worse(first), desk.bench.journal
    draft = kind_of(change.kind).inverse(change)
    assert draft is not None
    spare = begin(journal, drafted(draft, change.target, change.dsn, desk.clock, rolls_back=change.id))
    roll_back(journal, desk.bench.spec, change.id, clock=desk.clock, limits=desk.bench.quick)
    give_approval(journal, journal.change(spare.id), desk.clock)
    with pytest.raises(ChangeRefused, match="rolled_back"):
        apply_change(journal, desk.bench.spec, spare.id, clock=desk.clock, limits=desk.bench.quick)


def test_a_verdict_does_not_bring_back_what_was_taken_back_meanwhile(desk: Desk) -> None:
    """Another program measures for a while; what it then writes down is of a state that is over."""
    first, _ = desk.changes
    seen = desk.bench.journal.change(first.id)
    roll_back(desk.bench.journal, desk.bench.spec, first.id, clock=desk.clock, limits=desk.bench.quick)
    with pytest.raises(ChangeRefused):
        Ledger(desk.bench.journal, seen, desk.clock).move(ChangeState.NEEDS_ATTENTION, "Slower", worse=True)
    assert desk.bench.journal.change(first.id).state is ChangeState.ROLLED_BACK
