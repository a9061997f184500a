"""Few of many texts with real literals: those that plans tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optischema_tui.core.advise.values.draw import Drawn, same_cost, same_rows


def few(texts: Sequence[Drawn], most: int) -> tuple[Drawn, ...]:
    """At most `most`, heaviest first, whose weights sum to 1. Texts that one plan serves alike are one, the heaviest;
    of more kinds than `most` the lightest are left out.
    """
    kept: list[Drawn] = []
    for each in sorted(texts, key=_heaviest_first):
        same = next((at for at, other in enumerate(kept) if _alike(each, other)), None)
        if same is None:
            kept.append(each)
        else:
            kept[same] = replace(kept[same], weight=kept[same].weight + each.weight)
    kept = sorted(kept, key=_heaviest_first)[:most]
    whole = sum(each.weight for each in kept)
    return tuple(replace(each, weight=each.weight / whole) for each in kept)


def _heaviest_first(text: Drawn) -> tuple[float, str]:
    return -round(text.weight, 9), text.sql


def _alike(one: Drawn, other: Drawn) -> bool:
    return same_cost(one.plan, other.plan) and same_rows(one.plan, other.plan)
