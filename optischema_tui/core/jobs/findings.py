"""Everything worth knowing about a target, of each kind, and its health: facts gathered, rules run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError, TargetError, UsageError
from optischema_tui.core.findings.health import Health, health
from optischema_tui.core.findings.indexes.registry import RULES as INDEXES
from optischema_tui.core.findings.maintenance.registry import RULES as MAINTENANCE
from optischema_tui.core.findings.settings.registry import RULES as SETTINGS
from optischema_tui.core.findings.workload.registry import RULES as WORKLOAD
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.findings_indexes import gather_indexes
from optischema_tui.core.jobs.findings_maintenance import gather_maintenance
from optischema_tui.core.jobs.findings_settings import gather_settings
from optischema_tui.core.jobs.findings_workload import gather_workload
from optischema_tui.core.models import Finding, FindingKind, TargetIdentity
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a target."""

    identity: TargetIdentity
    health: Health
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Reason by id, of the findings that were put aside."""
    aside: tuple[Finding, ...] = ()
    """Those findings, the dearest first."""
    problems: Mapping[FindingKind, OptischemaError] = field(default_factory=dict)
    """Kinds that could not be looked at, and why."""


def find(
    paths: Paths, spec: TargetSpec, kinds: Collection[FindingKind] = tuple(FindingKind), *, clock: Clock = SYSTEM
) -> Found:
    """Look at the target and at its history. A kind that cannot be looked at is named, the others are told.

    Raises TargetError and its kinds when the server cannot be asked at all, StorageError, and the error of the first
    kind when none could be looked at.
    """
    with reading(spec) as session:
        identity = identify(session, spec.label)
    fingerprint = identity.fingerprint
    found: list[Finding] = []
    problems: dict[FindingKind, OptischemaError] = {}
    looks = _looks(paths, spec, fingerprint, clock)
    for kind in FindingKind:
        if kind in kinds:
            try:
                found += looks[kind]()
            except OptischemaError as error:
                problems[kind] = error
    looked_at = [kind for kind in FindingKind if kind in kinds and kind not in problems]
    if not looked_at:
        raise next(iter(problems.values()), TargetError("No kind of finding was asked for"))
    with closing(History.open(paths.history_db, clock)) as history:
        hidden = history.dismissed(fingerprint)
    aside = tuple(sorted((each for each in found if each.id in hidden), key=lambda each: (-each.cost, each.id)))
    return Found(identity, health(found, hidden, looked_at=looked_at), hidden, aside, problems)


def put_aside(paths: Paths, found: Found, finding_id: str, reason: str, *, clock: Clock = SYSTEM) -> Finding:
    """Hide a finding that was found just now, for as long as it is the same one; the journal says who did, and why.

    Raises UsageError when none of these has this id, StorageError.
    """
    wanted = [each for each in (*found.health.findings, *found.aside) if each.id == finding_id]
    if not wanted:
        raise UsageError(f"There is no finding {one_line(finding_id, 40)} here now", todo="`findings` shows the ids")
    fingerprint = found.identity.fingerprint
    with closing(History.open(paths.history_db, clock)) as history, closing(Journal.of(paths)) as journal:
        told = {"finding": finding_id, "rule": wanted[0].rule, "object": wanted[0].object, "target": fingerprint}
        journal.record("finding.dismissed", {**told, "reason": reason, "who": actor()})
        history.put_aside(finding_id, fingerprint, reason)
    return wanted[0]


def _looks(
    paths: Paths, spec: TargetSpec, fingerprint: str, clock: Clock
) -> Mapping[FindingKind, Callable[[], list[Finding]]]:
    def indexes() -> list[Finding]:
        facts = gather_indexes(paths, spec, fingerprint, clock=clock)
        return [each for rule in INDEXES for each in rule(facts)]

    def settings() -> list[Finding]:
        facts = gather_settings(paths, spec, fingerprint, clock=clock)
        return [each for rule in SETTINGS for each in rule(facts)]

    def maintenance() -> list[Finding]:
        facts = gather_maintenance(paths, spec, fingerprint, clock=clock)
        return [each for rule in MAINTENANCE for each in rule(facts)]

    def workload() -> list[Finding]:
        facts = gather_workload(paths, spec, fingerprint, clock=clock)
        return [each for rule in WORKLOAD for each in rule(facts)]

    return {
        FindingKind.INDEXES: indexes,
        FindingKind.SETTINGS: settings,
        FindingKind.MAINTENANCE: maintenance,
        FindingKind.WORKLOAD: workload,
    }
