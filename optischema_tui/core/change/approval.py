"""From a recommendation to an approved change. Nothing here speaks to a server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.change.catalog import name_fits, spec_to_detail
from optischema_tui.core.change.ids import uuid7
from optischema_tui.core.change.kinds.kind import SEPARATOR, Draft
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.shape import shape_problem
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, IndexSpec, Recommendation, TargetIdentity, digest, quote
from optischema_tui.core.workload.lexer import significant

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal

CREATE, DROP = "create_index", "drop_index"
"""The kinds that the advisor recommends."""
_OVER = frozenset({ChangeState.ROLLED_BACK, ChangeState.FAILED_CLEAN})
_MOST_STATEMENTS = 20
_LONGEST_TEXT = 20_000
BY_PARTITION = (
    "Its index is made with CREATE INDEX ON ONLY the parent, then with CREATE INDEX CONCURRENTLY on each partition, "
    "and each of those is attached with ALTER INDEX .. ATTACH PARTITION"
)


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
    spec = _described(recommendation)
    create = spec.sql(recommendation.index_name)
    drop = f"DROP INDEX CONCURRENTLY {quote(spec.schema)}.{quote(recommendation.index_name)}"
    forward, inverse = (create, drop) if recommendation.kind == CREATE else (drop, create)
    if (recommendation.forward_sql, recommendation.inverse_sql) != (forward, inverse):
        raise ChangeRefused(
            "The recommendation's SQL is not what its description says",
            f"It should be: {forward}",
            "Ask for the advice again",
        )
    _no_open_change(journal, recommendation)
    change = Change(
        id=uuid7(clock),
        recommendation_id=recommendation.id,
        target=identity,
        dsn=dsn,
        kind=recommendation.kind,
        title=recommendation.title,
        forward_sql=forward,
        inverse_sql=inverse,
        sql_hash=digest(forward),
        state=ChangeState.PROPOSED,
        schema=spec.schema,
        table=spec.table,
        index_name=recommendation.index_name,
        updated_at=clock.wall(),
        detail={"spec": spec_to_detail(spec), **_evidence(recommendation)},
    )
    return begin(journal, change)


def _described(recommendation: Recommendation) -> IndexSpec:
    """The index that it is about. Raises ChangeRefused when this program does not carry such a change out."""
    spec = recommendation.spec
    if recommendation.kind == DROP and spec is None:
        raise ChangeRefused(
            "An index that this program has not made is not dropped by it",
            "Whether a standby, a monthly job or another application needs it cannot be seen from here",
            f"When its unknowns are cleared, run it yourself: {recommendation.forward_sql}",
        )
    if recommendation.kind not in (CREATE, DROP) or spec is None or not name_fits(recommendation.index_name):
        raise ChangeRefused(
            f"A change of kind {recommendation.kind} cannot be carried out",
            "Only the creation and the removal of one described index can",
        )
    if _in_steps(recommendation.forward_sql):
        raise ChangeRefused(
            "The index of a partitioned table is not built by this program",
            BY_PARTITION,
            "The statements of the recommendation do that: run them yourself, one by one, outside a transaction",
        )
    if problem := shape_problem(spec):
        raise ChangeRefused(
            "This index is not built by this program", problem, "When it is what you want, run its SQL yourself"
        )
    return spec


def _in_steps(sql: str) -> bool:
    """Whether it is the recipe for a partitioned table and not one statement."""
    return any(token.kind == "word" and token.text == "ATTACH" for token in significant(sql))


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
    journal: Journal, recommendation: Recommendation, identity: TargetIdentity, dsn: str, *, clock: Clock = SYSTEM
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
    return give_approval(journal, change, clock)


def give_approval(journal: Journal, change: Change, clock: Clock) -> Change:
    """Approve `change`, by who runs this program, now. One that is partly done stays `leftover`."""
    who = actor()
    name = who.get("login_user") or who.get("os_user", "")
    approved = replace(change, approved_by=name, approved_at=clock.wall())
    state = ChangeState.LEFTOVER if change.state is ChangeState.LEFTOVER else ChangeState.APPROVED
    return Ledger(journal, approved, clock).move(
        state, f"Approved by {name}", body={"sql": change.forward_sql, "inverse_sql": change.inverse_sql}
    )
