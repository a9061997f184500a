"""What would turn the verdict on a recommended index: each sentence is computed, none is a general warning."""

from __future__ import annotations

from math import ceil, floor

from optischema_tui.core.advise.judge.matching import matching_share
from optischema_tui.core.advise.judge.prove import Case, Proof
from optischema_tui.core.advise.judge.upkeep import entry_us
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.sizes import size

_RULES = 0.8
"""0-1: the share of what an index saves above which one statement decides."""
_UNLIKELY = 1e4
"""Growth beyond this factor is not worth a sentence."""
_RARE = 0.3


def would_change(case: Case, proof: Proof) -> tuple[str, ...]:
    """Sentences: fewer calls, more writes, commoner values, less space."""
    return tuple(
        sentence for sentence in (_calls(case, proof), _writes(case, proof), _rare(case, proof), _space(case, proof))
        if sentence
    )  # fmt: skip


def _needed_ms(case: Case) -> float:
    """What an index must save beyond its upkeep."""
    return case.min_gain * case.measured_ms


def _calls(case: Case, proof: Proof) -> str:
    """With S saved, U upkeep, G the least gain: it holds while S x > U + G, x the share of the calls that remain."""
    if proof.saved_ms <= 0 or not proof.helped:
        return ""
    left = (case.upkeep(proof.spec) + _needed_ms(case)) / proof.saved_ms
    first = proof.helped[0]
    if first.saved_ms >= _RULES * proof.saved_ms:
        calls = case.statements[first.statement].calls
        need = ceil((1.0 - (1.0 - left) * proof.saved_ms / first.saved_ms) * calls)
        if need > 1:
            return f"Fewer than {need:,} calls of its main statement in the same time (now {calls:,})."
        return ""
    return f"Its {len(proof.helped)} statements together called less than {left:.1%} as often as now."


def _writes(case: Case, proof: Proof) -> str:
    spec = proof.spec
    spare, upkeep = proof.saved_ms - _needed_ms(case), case.upkeep(spec)
    if spare <= 0:
        return ""
    if upkeep > 0:
        times = spare / upkeep
        return f"Writes to {spec.table} growing more than {_round(times)}-fold." if 1 < times < _UNLIKELY else ""
    rows = spare * 1000.0 / entry_us(spec, case.table(spec))
    known = case.writes.get((spec.schema, spec.table))
    if known is not None and known.rows and rows / known.rows > _UNLIKELY:
        return ""
    return f"More than {_round(rows)} rows written to {spec.table} in the same time (none known now)."


def _rare(case: Case, proof: Proof) -> str:
    if not proof.spec.predicate:
        return ""
    share = matching_share(proof.spec.predicate, case.table(proof.spec))
    if share > _RARE:
        return ""
    now = f"{share:.1%}" if share >= 0.001 else "under 0.1%"
    return f"Rows WHERE {one_line(proof.spec.predicate, 80)} becoming common (now {now} of the table)."


def _space(case: Case, proof: Proof) -> str:
    needed = case.costs.size(proof.spec)
    return f"A budget below its {size(needed)}." if needed else ""


def _round(value: float) -> str:
    """To two figures: 37, 1,200, 3.4."""
    if value < 10:
        return f"{value:.1f}"
    unit = 10 ** (len(str(floor(value))) - 2)
    return f"{floor(value / unit) * unit:,}"
