"""The health of a target: one list of findings ordered by what they cost, and a score whose parts add up."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from optischema_tui.core.models import Finding, FindingKind

MOST = {
    FindingKind.WORKLOAD: 35,
    FindingKind.MAINTENANCE: 30,
    FindingKind.SETTINGS: 20,
    FindingKind.INDEXES: 15,
}
"""Points of each kind; together 100."""
_HOUR_MS = 3_600_000.0
_LEAST_MS = 1000.0
"""ms an hour, below which a finding costs one point."""
_STEPS = math.log10(_HOUR_MS / _LEAST_MS)


@dataclass(frozen=True, slots=True)
class Part:
    """What one kind gives to the score."""

    kind: FindingKind
    points: int
    """Left of `most`; the points of all parts sum to the score."""
    most: int
    findings: int
    """Of this kind, those hidden not counted."""
    cost: float
    """ms an hour of all of them."""
    heaviest: str = ""
    """Id of the finding that took most points; empty without one."""


@dataclass(frozen=True, slots=True)
class Health:
    score: int
    """0-100: 100 without any finding."""
    parts: tuple[Part, ...]
    """Of the kinds that were looked at, in the order of `MOST`."""
    findings: tuple[Finding, ...]
    """The dearest first; dismissed and snoozed ones are not among them."""
    hidden: int = 0
    """How many were dismissed or snoozed."""
    not_looked_at: tuple[FindingKind, ...] = ()
    """Kinds that could not be looked at: the score is out of the points of the others, made to 100."""


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The dearest first; among equals by rule and object, so that the order is always the same."""
    return tuple(sorted(findings, key=lambda each: (-each.cost, each.kind, each.rule, each.object, each.id)))


def health(
    findings: Sequence[Finding],
    hidden: Collection[str] = (),
    *,
    looked_at: Collection[FindingKind] = tuple(FindingKind),
) -> Health:
    """`hidden`: ids of dismissed and snoozed findings. `looked_at`: kinds whose rules ran; what nobody looked at is
    neither well nor ill. Raises ValueError when nothing was looked at."""
    kinds = [kind for kind in MOST if kind in looked_at]
    if not kinds:
        raise ValueError("no kind of finding was looked at")
    shown = ordered(each for each in findings if each.id not in hidden and each.kind in looked_at)
    weights = _spread([MOST[kind] for kind in kinds])
    parts = tuple(
        _part(kind, most, [each for each in shown if each.kind == kind])
        for kind, most in zip(kinds, weights, strict=True)
    )  # fmt: skip
    return Health(
        score=sum(part.points for part in parts),
        parts=parts,
        findings=shown,
        hidden=len({each.id for each in findings if each.id in hidden}),
        not_looked_at=tuple(kind for kind in MOST if kind not in looked_at),
    )


def points(finding: Finding, most: int) -> float:
    """What it takes from its kind: 1 up to 1000 ms an hour, then by the logarithm of its cost, all of `most` where it
    costs the whole time of one session."""
    if finding.cost <= _LEAST_MS:
        return 1.0
    return min(float(most), 1 + (most - 1) * math.log10(finding.cost / _LEAST_MS) / _STEPS)


def _part(kind: FindingKind, most: int, findings: Sequence[Finding]) -> Part:
    taken = min(float(most), sum(points(each, most) for each in findings))
    # Rounded up: a kind with a finding never has all its points.
    return Part(kind, most - math.ceil(taken - 1e-9), most, len(findings), sum(each.cost for each in findings),
                findings[0].id if findings else "")  # fmt: skip


def _spread(weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to `weights` that sum to 100: what rounding down leaves goes to the largest rests."""
    whole = sum(weights)
    exact = [100 * weight / whole for weight in weights]
    found = [math.floor(each) for each in exact]
    rests = sorted(range(len(weights)), key=lambda place: (found[place] - exact[place], place))
    for place in rests[: 100 - sum(found)]:
        found[place] += 1
    return found
