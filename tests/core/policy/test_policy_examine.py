"""From an approval to the preflight of a change that needs two persons."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from optischema_tui.core.models import Change, Level
from optischema_tui.core.policy.check import Proposal
from optischema_tui.core.policy.countersign import read_request, sign
from optischema_tui.core.policy.examine import approval_detail, ask_second, policy_lines, stopped, takes_back
from optischema_tui.core.policy.places import load_policy
from optischema_tui.core.policy.rules import Layer, OwnRules, Rules
from tests.core.policy.conftest import BERT, CARL, NOW

INDEX = Proposal("create_index", table_bytes=1)
Users = Callable[..., AbstractContextManager[None]]


def wanting(shared: Path, **rules: object) -> OwnRules:
    said = Rules(second_approver=True, countersign_dir=str(shared), **rules)  # type: ignore[arg-type]
    return OwnRules((Layer("config.toml [policy]", said),))


def verdicts(own: OwnRules, change: Change, *others: Change) -> dict[str, tuple[Level, str]]:
    lines = policy_lines(own, INDEX, change, (change, *others), now=NOW)
    return {line.name: (line.level, line.reason) for line in lines}


def second_line(own: OwnRules, change: Change, *others: Change) -> tuple[Level, str]:
    return verdicts(own, change, *others)["second approver"]


def test_the_way_from_approval_to_preflight(shared: Path, users: Users, change: Change) -> None:
    policy = wanting(shared, approval_hours=2.0)
    approved = replace(change, detail=change.detail | approval_detail(load_policy(policy)))
    file = ask_second(load_policy(policy), approved)
    assert second_line(policy, approved)[0] is Level.BLOCK
    with users(BERT):
        request = read_request(file)
        sign(file, request, uid=BERT, login_uid="", now=NOW)
    assert request.expires_us == request.approved_us + 7200 * 10**6
    assert second_line(policy, approved)[0] is Level.PASS
    level, reason = second_line(policy, replace(approved, forward_sql="DROP TABLE items"))
    assert (level, "something else" in reason) == (Level.BLOCK, True)


def test_who_applies_is_no_second_person_even_if_the_journal_names_another_approver(
    shared: Path, users: Users, change: Change
) -> None:
    policy = wanting(shared)
    forged = replace(change, detail=change.detail | approval_detail(load_policy(policy)) | {"approver_uid": BERT})
    with users(BERT):
        file = ask_second(load_policy(policy), forged)
    with users(CARL):
        sign(file, read_request(file), uid=CARL, login_uid="", now=NOW)
        assert "who applies" in second_line(policy, forged)[1]
        assert second_line(policy, forged)[0] is Level.BLOCK
    assert second_line(policy, forged)[0] is Level.PASS, "for any other user it counts"


def test_nothing_is_asked_where_nobody_wants_a_second_person(tmp_path: Path, change: Change) -> None:
    policy = OwnRules((Layer("config.toml [policy]", Rules(countersign_dir=str(tmp_path / "sign"))),))
    approved = replace(change, detail=change.detail | approval_detail(load_policy(policy)))
    assert ask_second(load_policy(policy), approved) == ""
    assert not (tmp_path / "sign").exists()
    assert second_line(policy, approved) == (Level.PASS, "None is required")


def test_a_change_approved_before_the_rule_must_be_approved_again(tmp_path: Path, change: Change) -> None:
    policy = wanting(tmp_path)
    assert "Approve it again" in second_line(policy, change)[1]
    undo = replace(change, id="undo", rolls_back=change.id)
    assert second_line(policy, undo, change)[0] is Level.PASS
    again = replace(change, id="again", rolls_back="undo")
    assert second_line(policy, again, undo, change)[0] is Level.BLOCK, "to undo an undo is to do it again"


def test_a_change_counts_once_however_often_it_is_tried(change: Change) -> None:
    own = OwnRules((Layer("config.toml [policy]", Rules(changes_per_day=1)),))
    begun = replace(change, detail={"intent_at": NOW - 10})
    assert verdicts(own, begun)["changes per day"][0] is Level.PASS
    other = replace(change, id="other")
    assert verdicts(own, other, begun)["changes per day"][0] is Level.BLOCK
    assert verdicts(own, other, replace(begun, rolls_back="x"))["changes per day"][0] is Level.PASS
    assert (
        verdicts(own, other, replace(begun, detail={"intent_at": NOW - 3 * 86400}))["changes per day"][0] is Level.PASS
    )


def test_a_kill_switch_is_seen_between_two_statements(tmp_path: Path, change: Change) -> None:
    for allows in (False, True):
        said = Rules(kill_switch=str(tmp_path / "halt"), kill_switch_allows_undo=allows)
        own = OwnRules((Layer("config.toml [policy]", said),))
        undo = replace(change, id="undo", rolls_back=change.id)
        assert takes_back(undo, (change, undo))
        assert stopped(own, change, (change,)) == ""
        (tmp_path / "halt").touch()
        assert "halt is there" in stopped(own, change, (change,))
        assert (stopped(own, undo, (change, undo)) == "") is allows
        (tmp_path / "halt").unlink()
