"""Indexes that exist, as candidates to keep or to drop, and as a base to widen."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.advise.propose.coverage import conditions
from optischema_tui.core.advise.propose.covering import covering
from optischema_tui.core.advise.propose.draft import Draft, Part
from optischema_tui.core.advise.propose.view import View
from optischema_tui.core.advise.reading.use import Key
from optischema_tui.core.models import IndexFacts, IndexSpec, TableFacts

MOST_WIDENED = 3


def droppable(index: IndexFacts, table: TableFacts) -> bool:
    """Whether nothing but plans would miss it: no constraint, no rule, no other object needs it."""
    bound = index.unique or index.primary or index.constraint or index.replica_identity or index.clustered
    return index.valid and not (bound or index.extension or index.part_of or table.partitioned)


def spec_of(index: IndexFacts) -> IndexSpec:
    """The index as it would be created anew, but for settings such as fillfactor."""
    computed = tuple(index.expressions and text.startswith("(") for text in index.columns)
    nulls = tuple(
        "" if first == falls else ("FIRST" if first else "LAST")
        for first, falls in zip(index.nulls_first, index.descending, strict=False)
    )
    return IndexSpec(
        schema=index.schema,
        table=index.table,
        columns=index.columns,
        descending=index.descending if any(index.descending) else (),
        include=index.include,
        predicate=index.predicate,
        method=index.method,
        computed=computed if any(computed) else (),
        opclasses=index.opclasses if any(index.opclasses) else (),
        nulls=nulls if any(nulls) else (),
    )


def widened(view: View, most_keys: int) -> Iterator[Draft]:
    """Existing indexes that begin with what the use looks for, with more behind: to take their place."""
    leads = frozenset(view.leads())
    able = [index for index in view.table.indexes if index.method == "btree" and droppable(index, view.table)]
    for index in sorted(able, key=lambda each: each.name)[:MOST_WIDENED]:
        base = _draft(index)
        if base.parts[0].key not in leads or view.table.partitioned:
            continue
        wider = covering(view, base)
        if wider is not None:
            yield wider.because(f"It takes the place of {index.name}.")
        more = [key for key in (*view.equal, *view.any_of, *view.ranges) if key not in base.keys]
        if more and len(base.parts) < most_keys:
            parts = (*base.parts, Part(more[0]))
            reason = f"{more[0].text} behind the keys of {index.name}, whose place it takes: checked inside the index."
            yield Draft(parts, base.include, base.predicate, reasons=(reason,))


def _draft(index: IndexFacts) -> Draft:
    spec = spec_of(index)
    parts = tuple(
        Part(
            Key(text, spec.is_computed(place)),
            bool(spec.descending and spec.descending[place]),
            spec.nulls[place] if spec.nulls else "",
            spec.opclasses[place] if spec.opclasses else "",
        )
        for place, text in enumerate(spec.columns)
    )
    return Draft(parts, spec.include, tuple(sorted(conditions(spec.predicate))))
