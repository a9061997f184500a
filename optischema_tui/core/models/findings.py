"""Facts worth knowing about a target, and what each costs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optischema_tui.core.models.identity import digest


class FindingKind(StrEnum):
    INDEXES = "indexes"
    SETTINGS = "settings"
    MAINTENANCE = "maintenance"
    WORKLOAD = "workload"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is as it is. `code` is for programs and never changes its meaning; `text` is one sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Impact:
    """One figure of what a finding costs, or of what an action on it would save."""

    name: str
    """bytes, ms_per_hour, us_per_row, rows_per_hour, blocks_per_hour, ... : a figure with its unit in the name."""
    value: float
    text: str = ""
    """How the figure was made, one sentence; empty where it was counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact worth knowing. It is dismissed or snoozed by its `id`, which is the same as long as the fact is."""

    id: str
    """12 hex digits, see `finding_id`."""
    target: str
    """Fingerprint of the target."""
    kind: FindingKind
    rule: str
    """What found it: `index.unused`, `setting.work_mem`, `vacuum.freeze_age`, `workload.n_plus_one`, ..."""
    object: str
    """What it is about, as SQL names it: a qualified index or table, a setting, `role app`, a queryid."""
    verdict: str
    """The judgement in a few words of the rule's own list: `safe to drop`, `needs longer`, `used elsewhere`, ..."""
    title: str
    """One sentence."""
    reasons: tuple[Reason, ...] = ()
    """For the verdict and against it, the decisive one first."""
    impact: tuple[Impact, ...] = ()
    cost: float = 0.0
    """ms of the server's time an hour that it costs, as far as that can be told: findings are ordered by it. What costs
    no time now but threatens (wraparound, a full sequence) has the cost of the hours it would stop, by its forecast."""
    evidence: tuple[str, ...] = ()
    """The figures it rests on, each with its span of time or its query, one sentence each."""
    forward_sql: str = ""
    """What mends it, to be proposed as a change; empty where a person must decide what to do."""
    inverse_sql: str = ""
    queryids: tuple[int, ...] = ()
    """Statements concerned, the heaviest first."""
    recommendation_id: str = ""
    """Of the recommendation that proves the same action in the lab."""


def finding_id(target: str, rule: str, object_: str) -> str:
    """12 hex digits of what makes it this finding and no other."""
    return digest(f"{target}\n{rule}\n{object_}")[:12]
