"""Everything that the journal tells of one change: from its evidence to its verdict, and what undid what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optischema_tui.core.audit.search import hashes_of
from optischema_tui.core.errors import UsageError
from optischema_tui.core.models import AuditEntry, KeptPlan
from optischema_tui.core.safe_text import redact

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal


PLANS_BEFORE, PLANS_AFTER = "plans before", "plans"
"""Names of the pieces of evidence that hold plans."""


@dataclass(frozen=True, slots=True)
class PlanPair:
    """A statement's plan before a change and after it."""

    text: str
    before: KeptPlan | None
    after: KeptPlan | None


@dataclass(frozen=True, slots=True)
class Story:
    change_id: str
    entries: tuple[AuditEntry, ...]
    """Of this change, the oldest first."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """By hash; None where a piece was pruned."""
    undoes: str = ""
    """Id of the change that this one takes back."""
    undone_by: tuple[str, ...] = ()
    """Ids of the changes that were to take this one back, the oldest first."""

    @property
    def plans(self) -> tuple[PlanPair, ...]:
        """The plans of the statements that the change was made for, before it and after; of those that have any."""
        texts: dict[str, str] = {}
        sides: tuple[dict[str, KeptPlan], dict[str, KeptPlan]] = ({}, {})
        for entry in self.entries:
            for name, hashed in hashes_of(entry.body).items():
                if name in (PLANS_BEFORE, PLANS_AFTER):
                    for each in _plans_of(self.evidence.get(hashed)):
                        queryid = str(each.get("queryid", ""))
                        texts[queryid] = str(each.get("text", ""))
                        sides[name == PLANS_AFTER][queryid] = _kept(each, entry.at)
        return tuple(PlanPair(texts[key], sides[0].get(key), sides[1].get(key)) for key in texts)

    @property
    def state(self) -> str:
        """The last state that the chain binds to the change."""
        states = [entry.event.removeprefix("change.") for entry in self.entries if _moves(entry)]
        return states[-1] if states else ""


def _plans_of(piece: Any) -> list[dict[str, Any]]:
    """Those that were kept with their text; evidence lies on a disk that others may write to."""
    return [each for each in piece if isinstance(each, dict) and each.get("text")] if isinstance(piece, list) else []


def _kept(each: dict[str, Any], at: float) -> KeptPlan:
    queryid, plan = str(each.get("queryid", "")), each.get("plan")
    return KeptPlan(
        int(queryid) if queryid.lstrip("-").isdigit() else 0, at,
        json.dumps(plan) if isinstance(plan, dict) else "", str(each.get("error", "")),
    )  # fmt: skip


def _moves(entry: AuditEntry) -> bool:
    return entry.event.startswith("change.") and ("from" in entry.body or entry.event == "change.proposed")


def story(journal: Journal, id_or_prefix: str) -> Story:
    """The story of the change with this id, or the only one whose id begins so. Reads the whole journal.

    Raises UsageError when there is none or more than one, StorageError.
    """
    wanted = id_or_prefix.strip().lower()
    of_change: dict[str, list[AuditEntry]] = {}
    undoes: dict[str, str] = {}
    for entry in journal.newest():
        change_id = entry.change_id
        if change_id and (target := entry.body.get("rolls_back")):
            undoes[change_id] = str(target)
        if change_id and wanted and change_id.startswith(wanted):
            of_change.setdefault(change_id, []).append(entry)
    if wanted in of_change:
        of_change = {wanted: of_change[wanted]}
    if len(of_change) != 1:
        many = f"{len(of_change)} changes have an id that begins with" if of_change else "The journal has no change"
        raise UsageError(f"{many} {redact(id_or_prefix)}", todo="`optischema-tui audit list` shows the ids")
    ((change_id, entries),) = of_change.items()
    hashes = {hashed for entry in entries for hashed in hashes_of(entry.body).values()}
    return Story(
        change_id,
        tuple(reversed(entries)),
        {hashed: journal.evidence(hashed) for hashed in sorted(hashes)},
        undoes.get(change_id, ""),
        tuple(sorted(later for later, earlier in undoes.items() if earlier == change_id)),
    )
