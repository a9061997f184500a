"""The types that every room shares. Standard library only; frozen; units in the docstrings.

A type is loaded when it is first asked for: the first frame needs a third of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optischema_tui.core.models.advice import Affected as Affected
    from optischema_tui.core.models.advice import CurvePoint as CurvePoint
    from optischema_tui.core.models.advice import Evidence as Evidence
    from optischema_tui.core.models.advice import Recommendation as Recommendation
    from optischema_tui.core.models.advice import Risk as Risk
    from optischema_tui.core.models.advice import recommendation_id as recommendation_id
    from optischema_tui.core.models.advice_run import AdviceRun as AdviceRun
    from optischema_tui.core.models.advice_run import Fidelity as Fidelity
    from optischema_tui.core.models.baselines import Baseline as Baseline
    from optischema_tui.core.models.baselines import Interval as Interval
    from optischema_tui.core.models.baselines import KeptPlan as KeptPlan
    from optischema_tui.core.models.baselines import WindowStats as WindowStats
    from optischema_tui.core.models.changes import AuditEntry as AuditEntry
    from optischema_tui.core.models.changes import BuildProgress as BuildProgress
    from optischema_tui.core.models.changes import Change as Change
    from optischema_tui.core.models.changes import ChangeState as ChangeState
    from optischema_tui.core.models.changes import Check as Check
    from optischema_tui.core.models.changes import Level as Level
    from optischema_tui.core.models.findings import Finding as Finding
    from optischema_tui.core.models.findings import FindingKind as FindingKind
    from optischema_tui.core.models.findings import Impact as Impact
    from optischema_tui.core.models.findings import Reason as Reason
    from optischema_tui.core.models.findings import finding_id as finding_id
    from optischema_tui.core.models.identity import OBSERVED as OBSERVED
    from optischema_tui.core.models.identity import KnownTarget as KnownTarget
    from optischema_tui.core.models.identity import RecentTarget as RecentTarget
    from optischema_tui.core.models.identity import TargetIdentity as TargetIdentity
    from optischema_tui.core.models.identity import digest as digest
    from optischema_tui.core.models.identity import quote as quote
    from optischema_tui.core.models.picture import Hidden as Hidden
    from optischema_tui.core.models.picture import Kpis as Kpis
    from optischema_tui.core.models.picture import LoadPoint as LoadPoint
    from optischema_tui.core.models.picture import Picture as Picture
    from optischema_tui.core.models.picture import QueryRow as QueryRow
    from optischema_tui.core.models.picture import StoredTick as StoredTick
    from optischema_tui.core.models.readings import ActivitySample as ActivitySample
    from optischema_tui.core.models.readings import Reading as Reading
    from optischema_tui.core.models.readings import Session as Session
    from optischema_tui.core.models.readings import WaitPoint as WaitPoint
    from optischema_tui.core.models.schema import CatalogFacts as CatalogFacts
    from optischema_tui.core.models.schema import ColumnFacts as ColumnFacts
    from optischema_tui.core.models.schema import ForeignKey as ForeignKey
    from optischema_tui.core.models.schema import IndexFacts as IndexFacts
    from optischema_tui.core.models.schema import IndexSpec as IndexSpec
    from optischema_tui.core.models.schema import TableFacts as TableFacts
    from optischema_tui.core.models.statements import Activity as Activity
    from optischema_tui.core.models.statements import DatabaseCounters as DatabaseCounters
    from optischema_tui.core.models.statements import Epoch as Epoch
    from optischema_tui.core.models.statements import ObserverCost as ObserverCost
    from optischema_tui.core.models.statements import Snapshot as Snapshot
    from optischema_tui.core.models.statements import StatementDelta as StatementDelta
    from optischema_tui.core.models.statements import StatementKey as StatementKey
    from optischema_tui.core.models.statements import StatementSample as StatementSample
    from optischema_tui.core.models.statements import StatementText as StatementText
    from optischema_tui.core.models.statements import Totals as Totals
    from optischema_tui.core.models.statements import changed_samples as changed_samples

_HOMES = {
    "identity": """OBSERVED KnownTarget RecentTarget TargetIdentity digest quote""",
    "statements": """StatementKey StatementSample StatementText Epoch DatabaseCounters Activity ObserverCost
        Snapshot StatementDelta Totals changed_samples""",
    "picture": """Kpis QueryRow LoadPoint Hidden Picture StoredTick""",
    "readings": """ActivitySample Reading Session WaitPoint""",
    "schema": """ColumnFacts ForeignKey IndexSpec IndexFacts TableFacts CatalogFacts""",
    "advice": """Risk Affected CurvePoint Evidence Recommendation recommendation_id""",
    "advice_run": """AdviceRun Fidelity""",
    "changes": """ChangeState Change Level Check BuildProgress AuditEntry""",
    "findings": """FindingKind Reason Impact Finding finding_id""",
    "baselines": """WindowStats Interval KeptPlan Baseline""",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
NAMES = tuple(_HOME)
"""Every shared name: what an annotation of one of these types may stand on."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
