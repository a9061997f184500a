"""One table as one plan uses it."""

from __future__ import annotations

from dataclasses import dataclass, field

from optischema_tui.core.advise.reading.conditions import Kind
from optischema_tui.core.models import TableFacts

TableKey = tuple[str, str]
"""(schema, name)"""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a key of an index may be: a column's unquoted name, or where `computed` an expression in parentheses."""

    text: str
    computed: bool = False


@dataclass(frozen=True, slots=True)
class SortedKey:
    key: Key
    descending: bool = False
    nulls: str = ""
    """FIRST or LAST where it differs from the direction's own, else empty."""


Order = tuple[SortedKey, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A condition on a table's rows, as one side of it is looked up; a join's gives one to either table."""

    text: str
    """All of it as SQL, without parentheses around it and without the table's alias."""
    kind: Kind
    operator: str
    key: Key | None = None
    """What is compared; None where no index's key could be."""
    value: str = ""
    """The other side's text."""
    constant: bool = False
    """It needs nothing but the row: no parameter, no other table, no subquery, nothing that changes with time."""
    columns: frozenset[str] = frozenset()
    """The table's columns in it."""
    partner: str | None = None
    """Aliases of the other tables in it joined by +; empty for something else's column; None for none."""
    in_or: bool = False
    """One arm of an OR: `text` is the arm's."""


@dataclass(slots=True, eq=False)
class Use:
    """One occurrence of a table in a plan; all parts of a partitioned table are one. Lists keep the plan's order,
    without repeats."""

    table: TableFacts
    alias: str
    terms: list[Term] = field(default_factory=list)
    """Every condition on it, expressions included."""
    sorts: list[Order] = field(default_factory=list)
    """Wanted sort orders that it alone makes up, also those that an index gives already, or that min and max want."""
    unfit: list[str] = field(default_factory=list)
    """Expressions that no index may hold, each with its reason."""
    projected: frozenset[str] | None = None
    """Columns that the plan reads of it beside those in `terms`; None for the row itself."""
    operation: str = ""
    """Insert, Update, Delete or Merge where the statement writes it."""

    @property
    def key(self) -> TableKey:
        return self.table.schema, self.table.name

    def needed(self, without: frozenset[str] = frozenset()) -> frozenset[str] | None:
        """Columns that an index must hold so that the table need not be read; conditions whose texts are in `without`
        are left out. None when none could."""
        if self.projected is None:
            return None
        kept = (term.columns for term in self.terms if term.text not in without)
        return self.projected.union(*kept)
