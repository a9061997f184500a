"""An index in the making."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optischema_tui.core.advise.reading.use import Key
from optischema_tui.core.models import IndexSpec, TableFacts


@dataclass(frozen=True, slots=True)
class Part:
    """One key of the index."""

    key: Key
    descending: bool = False
    nulls: str = ""
    opclass: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    parts: tuple[Part, ...]
    include: tuple[str, ...] = ()
    predicate: tuple[str, ...] = ()
    """Conditions that must all hold."""
    method: str = "btree"
    reasons: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(part.key for part in self.parts)

    def columns(self) -> frozenset[str]:
        """Columns whose values the index holds as they are."""
        return frozenset((*(key.text for key in self.keys if not key.computed), *self.include))

    def because(self, *reasons: str) -> Draft:
        return replace(self, reasons=(*self.reasons, *reasons))

    def spec(self, table: TableFacts) -> IndexSpec:
        def unless_default(values: Sequence[str]) -> tuple[str, ...]:
            return tuple(values) if any(values) else ()

        descending = tuple(part.descending for part in self.parts)
        computed = tuple(part.key.computed for part in self.parts)
        return IndexSpec(
            schema=table.schema,
            table=table.name,
            columns=tuple(part.key.text for part in self.parts),
            descending=descending if any(descending) else (),
            include=self.include,
            predicate=predicate_sql(self.predicate),
            method=self.method,
            computed=computed if any(computed) else (),
            opclasses=unless_default([part.opclass for part in self.parts]),
            nulls=unless_default([part.nulls for part in self.parts]),
        )


def plain(keys: Sequence[Key]) -> tuple[Part, ...]:
    return tuple(Part(key) for key in keys)


def predicate_sql(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else " AND ".join(f"({text})" for text in conditions)
