"""The policy held against one change: looks at the files it names, then asks `check_policy`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.models import Change, Check
from optischema_tui.core.policy.check import Approval, Proposal, begun_since, check_policy
from optischema_tui.core.policy.countersign import Request, request_of, signatures, write_request
from optischema_tui.core.policy.places import load_policy, pulled
from optischema_tui.core.policy.rules import OwnRules, Policy
from optischema_tui.core.policy.window import day_start, zone_named

APPROVER_UID, APPROVER_LOGIN_UID = "approver_uid", "approver_login_uid"
"""Where `Change.detail` holds who approved, as numbers of the system."""
APPROVAL_SECONDS = "approval_seconds"
"""Where it holds how long that was to count, as the second person saw it."""


def approval_detail(policy: Policy) -> dict[str, Any]:
    """What an approval by who runs this program must leave in `Change.detail`, so that a second one can be asked for
    and held against it."""
    return {
        APPROVER_UID: os.geteuid(),
        APPROVER_LOGIN_UID: actor().get("login_uid", ""),
        APPROVAL_SECONDS: policy.approval_seconds,
    }


def change_request(change: Change) -> Request | None:
    """What a second person is asked to approve; None for a change that was approved before anyone was asked."""
    detail = change.detail
    if APPROVER_UID not in detail or APPROVAL_SECONDS not in detail:
        return None
    return request_of(
        change,
        approver_uid=int(detail[APPROVER_UID]),
        login_uid=str(detail.get(APPROVER_LOGIN_UID, "")),
        approval_seconds=float(detail[APPROVAL_SECONDS]),
    )


def ask_second(policy: Policy, change: Change) -> str:
    """Write the request for a second approval where the policy wants one; gives its path, empty when none is wanted.

    Raises StorageError when it cannot be written.
    """
    request = change_request(change)
    if policy.second_approver is None or not policy.countersign_dir or request is None:
        return ""
    return str(write_request(policy.countersign_dir, request))


def policy_lines(
    own: OwnRules, proposal: Proposal, change: Change, changes: Sequence[Change], *, now: float
) -> tuple[Check, ...]:
    """Every line of the policy for one change, as its files say now. Never raises.

    `changes` are all of the target in the journal: they tell how many were begun today, and whether this one takes
    another back (`proposal.undo` is set by that). A change that is tried again is not counted against itself.
    """
    policy = load_policy(own)
    asked = replace(proposal, undo=takes_back(change, changes))
    approvals: tuple[Approval, ...] = ()
    if policy.second_approver is not None and policy.countersign_dir and not asked.undo:
        approvals = _second_approvals(policy, change, now)
    since = day_start(now, zone_named(policy.day_zone)) if not policy.problems else 0.0
    count = begun_since((other for other in changes if other.id != change.id), since)
    return check_policy(policy, asked, now=now, applied_today=count, approvals=approvals, pulled=pulled(policy))


def takes_back(change: Change, changes: Sequence[Change]) -> bool:
    """Whether `change` is the way back of one that was not a way back itself: to do again what was undone is not."""
    return any(other.id == change.rolls_back and not other.rolls_back for other in changes)


def stopped(own: OwnRules, change: Change, changes: Sequence[Change]) -> str:
    """Which kill switch forbids the next statement of `change`, one sentence; empty when none does."""
    undo = takes_back(change, changes)
    told = (sentence for switch, sentence in pulled(load_policy(own)) if not (undo and switch.allows_undo))
    return next(told, "")


def _second_approvals(policy: Policy, change: Change, now: float) -> tuple[Approval, ...]:
    request = change_request(change)
    if request is None:
        return (Approval(-1, "", problem="Approve it again, so that a second person can be asked"),)
    return signatures(
        policy.countersign_dir,
        request,
        now=now,
        applier_uid=os.geteuid(),
        root_counts=policy.root_may_countersign,
    )
