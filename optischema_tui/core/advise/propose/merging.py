"""One index for what two would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from optischema_tui.core.advise.propose.covering import MAX_INCLUDE_BYTES, width
from optischema_tui.core.advise.propose.draft import Draft
from optischema_tui.core.models import TableFacts

MAX_MERGES = 24
"""For one table."""
MAX_MERGED_INCLUDE = 4


def merged(drafts: Iterable[Draft], table: TableFacts) -> Iterator[Draft]:
    """Pairs of B-trees over the same rows of which one's keys begin the other's: the longer keys with the included
    columns of both."""
    groups: dict[tuple[str, ...], list[Draft]] = {}
    for draft in drafts:
        if draft.method == "btree":
            groups.setdefault(draft.predicate, []).append(draft)
    found: dict[Draft, None] = {}
    for group in groups.values():
        for one, other in combinations(group, 2):
            short, long = (one, other) if len(one.parts) <= len(other.parts) else (other, one)
            if long.parts[: len(short.parts)] != short.parts or not (short.include or long.include):
                continue
            held = {key.text for key in long.keys if not key.computed}
            include = tuple(sorted({*short.include, *long.include} - held))
            fits = len(include) <= MAX_MERGED_INCLUDE and width(table, include) <= 2 * MAX_INCLUDE_BYTES
            if fits and include not in (long.include, ()):
                reason = f"It does what ({_names(short)}) and ({_names(long)}) would do for different statements."
                found.setdefault(Draft(long.parts, include, long.predicate, reasons=(*long.reasons, reason)))
    for number, draft in enumerate(found):
        if number < MAX_MERGES:
            yield draft


def _names(draft: Draft) -> str:
    keys = ", ".join(key.text for key in draft.keys)
    return f"{keys}; {', '.join(draft.include)}" if draft.include else keys
