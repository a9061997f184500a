"""What the policy of a target allows now, and the approval of a second person."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.models import Check, Level
from optischema_tui.core.paths import Paths
from optischema_tui.core.policy.check import Proposal, begun_since, check_policy
from optischema_tui.core.policy.countersign import Request, directory_problem, read_request, refuse_unless_second, sign
from optischema_tui.core.policy.places import load_policy, pulled
from optischema_tui.core.policy.rules import KINDS, Policy
from optischema_tui.core.policy.window import day_start, zone_named
from optischema_tui.core.target.spec import TargetSpec


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be begun on a target now, by what is known without the server."""

    policy: Policy
    checks: tuple[Check, ...]
    """The lines that hold for every kind."""
    kinds: tuple[tuple[str, str], ...]
    """Every kind, and why it may not be begun now; empty when it may."""

    @property
    def blocked(self) -> bool:
        """Nothing may be begun now."""
        return any(check.level is Level.BLOCK for check in self.checks) or all(why for _, why in self.kinds)


def allowance(paths: Paths, spec: TargetSpec, *, clock: Clock = SYSTEM) -> Allowance:
    """What the policy of `spec` allows now. The server is not asked; today's changes are those of this way to it."""
    policy, now = load_policy(spec.policy), clock.wall()
    count, off = made_today(paths, spec, policy, now), pulled(policy)
    general: dict[str, Check] = {}
    kinds = []
    for kind in KINDS:
        lines = check_policy(policy, Proposal(kind, table_bytes=0), now=now, applied_today=count, pulled=off)
        general |= {line.name: line for line in lines if line.name in _GENERAL}
        kinds.append((kind, next((each.reason for each in lines if each.name == _KIND and _blocks(each)), "")))
    changes = "changes allowed"
    first = (
        Check(changes, Level.PASS, "The profile or --allow-changes enables changes on this target")
        if spec.allow_changes
        else Check(changes, Level.BLOCK, "This target is READ ONLY: set allow_changes in its profile")
    )
    second = _second_line(policy)
    return Allowance(policy, (first, *general.values(), *((second,) if second else ())), tuple(kinds))


def made_today(paths: Paths, spec: TargetSpec, policy: Policy, now: float) -> int:
    """Changes that were begun today through this way to the target; 0 without a journal."""
    if not paths.audit_db.exists():
        return 0
    with closing(Journal.of(paths)) as journal:
        mine = [change for change in journal.changes() if change.dsn == spec.dsn]
    return begun_since(mine, day_start(now, zone_named(policy.day_zone)))


def asked(file: str, *, clock: Clock = SYSTEM) -> Request:
    """The request in `file`, when who runs this program may be its second person. Raises UsageError, ChangeRefused."""
    request = read_request(file)
    refuse_unless_second(request, uid=os.geteuid(), login_uid=actor().get("login_uid", ""), now=clock.wall())
    return request


def countersign(paths: Paths, file: str, request: Request, *, clock: Clock = SYSTEM) -> Path:
    """Approve `request` as the second person: the signed file, told in this user's own journal before it is written.

    Raises ChangeRefused and StorageError.
    """
    who = actor()
    uid, login = os.geteuid(), who.get("login_uid", "")
    refuse_unless_second(request, uid=uid, login_uid=login, now=clock.wall())
    with closing(Journal.of(paths)) as journal:
        body = {
            "who": who,
            "request_hash": request.hash,
            "sql": request.sql,
            "sql_hash": request.sql_hash,
            "target": request.fingerprint,
            "approver": request.approver,
            "approver_uid": request.approver_uid,
        }
        journal.record("change.countersigned", body, change_id=request.change)
    return sign(file, request, uid=uid, login_uid=login, now=clock.wall())


_KIND = "kind of change"
_GENERAL = ("policy", "kill switch", "change window", "changes per day")


def _blocks(check: Check) -> bool:
    return check.level is Level.BLOCK


def _second_line(policy: Policy) -> Check | None:
    """Whether a second approval could be given at all, where one is wanted."""
    wanted = policy.second_approver
    if wanted is None:
        return None
    line, directory = "second approver", policy.countersign_dir
    if not directory:
        return Check(line, Level.BLOCK, f"One is required ({wanted.told(_SECOND)}), but no countersign_dir is set")
    problem = directory_problem(directory)
    if problem:
        return Check(line, Level.BLOCK, problem)
    return Check(line, Level.PASS, f"One is required for each change, through {directory} ({wanted.told(_SECOND)})")


_SECOND = "second_approver"
