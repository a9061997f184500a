"""From a recommendation to an approved change. Nothing here speaks to a server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.change.ids import uuid7
from optischema_tui.core.change.kinds.kind import SEPARATOR, Draft
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.recommended import draft_of
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Recommendation, TargetIdentity, digest
from optischema_tui.core.policy.examine import approval_detail, ask_second
from optischema_tui.core.policy.places import load_policy
from optischema_tui.core.policy.rules import OwnRules, Policy

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal

_OVER = frozenset({ChangeState.ROLLED_BACK, ChangeState.FAILED_CLEAN, ChangeState.WITHDRAWN})
_MOST_STATEMENTS = 20
_LONGEST_TEXT = 20_000


def propose(
    journal: Journal, recommendation: Recommendation, identity: TargetIdentity, dsn: str, *, clock: Clock = SYSTEM
) -> Change:
    """A new change in state `proposed`. `dsn` holds no secret.

    Raises ChangeRefused when the recommendation is for another target, of a kind that is not carried out, when its
    keys or its condition are more than harmless expressions, when its SQL is not what its description says, or when a
    change of it is open already.
    """
    if recommendation.target != identity.fingerprint:
        raise ChangeRefused("The recommendation was made for another database", todo="Choose the target it belongs to")
    draft = draft_of(recommendation)
    _no_open_change(journal, recommendation)
    change = drafted(draft, identity, dsn, clock)
    detail = {**change.detail, **_evidence(recommendation)}
    return begin(journal, replace(change, recommendation_id=recommendation.id, detail=detail))


def drafted(draft: Draft, identity: TargetIdentity, dsn: str, clock: Clock, *, rolls_back: str = "") -> Change:
    """A new change out of a draft, in state `proposed` and not in the journal yet."""
    forward = SEPARATOR.join(draft.steps)
    return Change(
        id=uuid7(clock),
        recommendation_id="",
        target=identity,
        dsn=dsn,
        kind=draft.kind,
        title=draft.title,
        forward_sql=forward,
        inverse_sql=SEPARATOR.join(draft.undo),
        sql_hash=digest(forward),
        state=ChangeState.PROPOSED,
        schema=draft.schema,
        table=draft.table,
        index_name=draft.index_name,
        updated_at=clock.wall(),
        rolls_back=rolls_back,
        detail={
            **draft.detail,
            "subject": draft.subject,
            "steps": list(draft.steps),
            "undo_steps": list(draft.undo),
            **({"cautions": list(draft.cautions)} if draft.cautions else {}),
        },
    )


def begin(journal: Journal, change: Change) -> Change:
    """Make a new `proposed` change durable."""
    journal.save(
        change,
        "change.proposed",
        {
            "who": actor(),
            "target": change.target.fingerprint,
            "database_name": change.target.database,
            "system_identifier": change.target.system_identifier,
            "kind": change.kind,
            "sql": change.forward_sql,
            "inverse_sql": change.inverse_sql,
            "sql_hash": change.sql_hash,
            "recommendation": change.recommendation_id,
            "rolls_back": change.rolls_back,
        },
    )
    return change


def _no_open_change(journal: Journal, recommendation: Recommendation) -> None:
    for change in journal.changes(fingerprint=recommendation.target):
        if change.recommendation_id == recommendation.id and change.state not in _OVER:
            raise ChangeRefused(
                f"A change of this recommendation is {change.state} already",
                f"It is {change.id}",
                "Apply that one, or roll it back first",
            )


def _evidence(recommendation: Recommendation) -> dict[str, Any]:
    """What verification and judgement need later, as JSON values.

    `generic`: the plan with unknown parameters was to use the index too, so that verification may demand it.
    """
    evidence = recommendation.evidence
    statements = [
        {
            "queryid": affected.queryid,
            "text": affected.text[:_LONGEST_TEXT],
            "share": affected.share,
            "calls": affected.calls,
            "mean_ms": affected.mean_exec_time,
            "cost_before": affected.cost_before,
            "cost_after": affected.cost_after,
            "generic": affected.generic_after is None or affected.generic_after < (affected.generic_before or 0.0),
        }
        for affected in evidence.affected[:_MOST_STATEMENTS]
    ]
    return {"statements": statements, "size_bytes": evidence.size_bytes, "risk": str(recommendation.risk)}


def approve(
    journal: Journal,
    recommendation: Recommendation,
    identity: TargetIdentity,
    dsn: str,
    *,
    clock: Clock = SYSTEM,
    auto_undo: bool = False,
    policy: Policy | None = None,
) -> Change:
    """The change of this recommendation, approved by who runs this program, for `Limits.approval_seconds`.

    A change that is proposed, or whose approval has not been used, is approved anew. Raises as `propose`.
    """
    open_changes = journal.changes(
        fingerprint=identity.fingerprint, states={ChangeState.PROPOSED, ChangeState.APPROVED}
    )
    of_this = [change for change in open_changes if change.recommendation_id == recommendation.id]
    same = [change for change in of_this if change.forward_sql == recommendation.forward_sql]
    change = same[0] if same else propose(journal, recommendation, identity, dsn, clock=clock)
    return give_approval(journal, change, clock, auto_undo=auto_undo, policy=policy)


def give_approval(
    journal: Journal, change: Change, clock: Clock, *, auto_undo: bool = False, policy: Policy | None = None
) -> Change:
    """Approve `change`, by who runs this program, now. One that is partly done stays `leftover`.

    `auto_undo`: it is rolled back without a further question when a statement becomes significantly worse by it.
    Where `policy` wants a second person, the request to them is written; `detail["second"]` is its path. Raises
    ChangeRefused when it is not one to approve, or has no way back and `auto_undo` wants one; StorageError.
    """
    if auto_undo and not change.inverse_sql:
        raise ChangeRefused(
            f"Nothing undoes this change of {change.subject}",
            "It cannot roll itself back",
            "Approve it without that, or leave it",
        )
    who = actor()
    name = who.get("login_user") or who.get("os_user", "")
    approved = replace(change, approved_by=name, approved_at=clock.wall())
    state = ChangeState.LEFTOVER if change.state is ChangeState.LEFTOVER else ChangeState.APPROVED
    rules = policy or load_policy(OwnRules())
    ledger = Ledger(journal, approved, clock)
    ledger.move(
        state,
        f"Approved by {name}",
        body={"sql": change.forward_sql, "inverse_sql": change.inverse_sql, "auto_undo": auto_undo},
        auto_undo=auto_undo,
        **approval_detail(rules),
    )
    if path := ask_second(rules, ledger.change):
        ledger.move(state, "A second person is asked", body={"request": path}, second=path)
    return ledger.change
