"""A change that nobody wants any more is taken back before anything of it is on the server, by exactly one hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.approval import begin, drafted, give_approval
from optischema_tui.core.change.kinds.kind import Draft
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.protocol import apply_change, approve, roll_back
from optischema_tui.core.change.reconcile import reconcile
from optischema_tui.core.change.states import EDGES, WITHDRAWABLE
from optischema_tui.core.change.withdraw import withdraw
from optischema_tui.core.clock import SYSTEM, FixedClock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, TargetIdentity
from optischema_tui.core.policy.countersign import read_request, sign
from optischema_tui.core.policy.places import load_policy
from optischema_tui.core.policy.rules import Layer, OwnRules, Rules

S = ChangeState
TARGET = TargetIdentity("7", 1, "shop", 180000, "shop")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.open(tmp_path / "audit.db")) as journal:
        yield journal


def proposed(journal: Journal, number: int = 0, *, rolls_back: str = "") -> Change:
    draft = Draft("analyze", "ANALYZE of items", "items", (f"ANALYZE items -- {number}",), ("SELECT 1",))
    clock = FixedClock(1_750_000_000.0 + number)
    return begin(journal, drafted(draft, TARGET, "dbname=shop", clock, rolls_back=rolls_back))


def at(journal: Journal, state: ChangeState, number: int) -> Change:
    """A change that stands in `state`, however it got there."""
    change = replace(proposed(journal, number), state=state)
    journal.save(change, f"change.{state}", {})
    return change


def test_it_is_told_once_with_who_and_why(journal: Journal) -> None:
    change = give_approval(journal, proposed(journal), SYSTEM)
    gone = withdraw(journal, change, "  the table goes\nnext week ")
    assert (gone.state, gone.detail["withdrawn_because"]) == (S.WITHDRAWN, "the table goes next week")
    assert journal.change(change.id) == gone
    told = [entry for entry in journal.entries() if entry.event == "change.withdrawn"]
    assert [(entry.body["from"], entry.body["reason"]) for entry in told] == [("approved", "the table goes next week")]
    assert told[0].body["who"]["os_user"]
    assert journal.verify().ok


@pytest.mark.parametrize("state", sorted(S))
def test_only_what_is_not_on_the_server_can_be_withdrawn(journal: Journal, state: ChangeState) -> None:
    change = at(journal, state, 0)
    if state in WITHDRAWABLE:
        assert withdraw(journal, change, "x").state is S.WITHDRAWN
        return
    assert S.WITHDRAWN not in EDGES[state]
    before = journal.head()
    with pytest.raises(ChangeRefused) as refused:
        withdraw(journal, change, "x")
    assert state.replace("_", " ") in refused.value.what
    assert refused.value.why
    assert journal.head() == before
    assert journal.change(change.id).state is state


def test_without_a_reason_nothing_is_done(journal: Journal) -> None:
    change = proposed(journal)
    with pytest.raises(ChangeRefused, match="reason"):
        withdraw(journal, change, " \n ")
    assert journal.change(change.id).state is S.PROPOSED


@pytest.mark.parametrize("state", sorted(WITHDRAWABLE))
def test_an_undo_that_waits_can_be_withdrawn_and_what_it_undoes_stays(journal: Journal, state: ChangeState) -> None:
    original = at(journal, S.VERIFYING, 0)
    undo = replace(proposed(journal, 1, rolls_back=original.id), state=state)
    journal.save(undo, f"change.{state}", {})
    assert withdraw(journal, undo, "it is well after all").state is S.WITHDRAWN
    assert journal.change(original.id) == original


def test_who_comes_second_is_refused_by_the_journal(journal: Journal) -> None:
    """Each has read the change before the other moved it."""
    for number, (first, second) in enumerate(((S.PREFLIGHT, S.WITHDRAWN), (S.WITHDRAWN, S.PREFLIGHT))):
        change = give_approval(journal, proposed(journal, number), SYSTEM)
        Ledger(journal, change, SYSTEM).move(first, "first")
        entries = journal.head()
        with pytest.raises(ChangeRefused, match=f"is {first} by now, not approved"):
            Ledger(journal, change, SYSTEM).move(second, "second")
        assert journal.head() == entries
        assert journal.change(change.id).state is first
    with pytest.raises(ChangeRefused, match="by now"):
        give_approval(journal, replace(change, state=S.PROPOSED), SYSTEM)


def test_of_withdraw_and_begin_exactly_one_wins(journal: Journal, tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path / "audit.db")) as other:
        winners = set()
        for number in range(40):
            change = give_approval(journal, proposed(journal, number), SYSTEM)
            moves: dict[ChangeState, Callable[[], Any]] = {
                S.WITHDRAWN: lambda change=change: withdraw(journal, change, "x"),
                S.PREFLIGHT: lambda change=change: Ledger(other, change, SYSTEM).move(S.PREFLIGHT, "begun"),
            }
            won = raced(moves, first=number % 2)
            assert len(won) == 1, won
            assert journal.change(change.id).state is won[0]
            winners.add(won[0])
            moved = [entry.event for entry in journal.entries() if entry.change_id == change.id][-1]
            assert moved == f"change.{won[0]}"
        assert winners == {S.WITHDRAWN, S.PREFLIGHT}
        assert journal.verify().ok


def raced(moves: dict[ChangeState, Callable[[], Any]], first: int) -> list[ChangeState]:
    barrier, won = threading.Barrier(2), list[ChangeState]()

    def go(state: ChangeState, move: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            move()
            won.append(state)
        except ChangeRefused:
            """The other was quicker."""

    pairs = list(moves.items())
    threads = [threading.Thread(target=go, args=pair) for pair in (pairs[first:] + pairs[:first])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


# --- on a server ---


def test_a_withdrawn_change_is_never_applied_and_its_recommendation_can_be_approved_anew(bench: Any) -> None:
    change = bench.approved()
    withdraw(bench.journal, change, "not now")
    for step in (apply_change, roll_back):
        with pytest.raises(ChangeRefused, match="withdrawn"):
            step(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert reconcile(bench.journal, bench.spec) == ()
    assert bench.index_state() == "absent"
    again = bench.approved()
    assert again.id != change.id
    done = apply_change(bench.journal, bench.spec, again.id, limits=bench.quick)
    with pytest.raises(ChangeRefused, match="Roll it back"):
        withdraw(bench.journal, done, "too late")
    assert bench.journal.change(change.id).state is S.WITHDRAWN


def test_withdrawn_between_the_look_and_the_begin(bench: Any) -> None:
    """`apply` reads the change, and another program withdraws it while the first connects."""
    change = bench.approved()
    checks: list[Any] = []
    gone = threading.Event()

    class Late(Journal):
        def change(self, id_or_prefix: str) -> Change:
            found = super().change(id_or_prefix)
            if not gone.is_set() and found.state is S.APPROVED:
                gone.set()
                with closing(Journal.open(bench.journal_path)) as other:
                    withdraw(other, other.change(change.id), "x")
            return found

    with closing(Late.open(bench.journal_path)) as late, pytest.raises(ChangeRefused, match="withdrawn"):
        apply_change(late, bench.spec, change.id, limits=bench.quick, on_check=checks.append)
    assert checks == []
    assert bench.index_state() == "absent"
    assert bench.journal.change(change.id).state is S.WITHDRAWN


def test_a_second_persons_word_does_not_revive_it(bench: Any, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    said = Rules(second_approver=True, countersign_dir=str(shared))
    policy = load_policy(OwnRules((Layer("the test", said),)))
    change = approve(bench.journal, bench.recommendation(), bench.identity, bench.dsn, policy=policy)
    file = change.detail["second"]
    withdraw(bench.journal, change, "not now")
    request = read_request(file)
    sign(file, request, uid=4711, login_uid="", now=SYSTEM.wall())
    spec = replace(bench.spec, policy=OwnRules((Layer("the test", said),)))
    with pytest.raises(ChangeRefused, match="withdrawn"):
        apply_change(bench.journal, spec, change.id, limits=bench.quick)
    anew = approve(bench.journal, bench.recommendation(), bench.identity, bench.dsn, policy=policy)
    assert anew.id != change.id
    with pytest.raises(ChangeRefused) as refused:
        apply_change(bench.journal, spec, anew.id, limits=bench.quick)
    assert "second approver" in refused.value.why, "the word was for the one that was withdrawn"
    assert bench.journal.change(change.id).state is S.WITHDRAWN
