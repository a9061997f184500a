"""Which uses of a table an index could serve."""

from __future__ import annotations

from functools import lru_cache

from optischema_tui.core.advise.propose.covering import is_narrow
from optischema_tui.core.advise.propose.draft import Draft
from optischema_tui.core.advise.propose.shares import literals
from optischema_tui.core.advise.propose.view import View
from optischema_tui.core.advise.reading.conditions import Comparison, Kind, comparisons
from optischema_tui.core.advise.reading.use import Use

_STRICT = (Kind.EQUAL, Kind.ANY, Kind.RANGE)


class Relevance:
    """One use, asked about many indexes."""

    def __init__(self, use: Use) -> None:
        self.use = use
        view = View(use)
        joined = [key for keys in view.joins.values() for key in keys]
        self._leads = frozenset(view.leads())
        self._equal = frozenset((*view.equal, *view.any_of, *joined))
        self._ranges = frozenset(view.ranges)
        self._prefixes = frozenset(view.prefixes)
        self._others = frozenset(term.key for term in view.terms if term.kind is Kind.OTHER)
        self._texts = frozenset(term.text for term in use.terms)

    def can_serve(self, draft: Draft) -> bool:
        """Whether a plan with this use could read the index. Errs on the side of yes."""
        if not all(self.implies(condition) for condition in draft.predicate):
            return False
        first = draft.parts[0]
        if draft.method == "gin":
            return any(key in self._others for key in draft.keys)
        if draft.method == "hash":
            return first.key in self._equal
        if draft.method == "brin":
            return any(key in self._equal or key in self._ranges for key in draft.keys)
        if first.opclass:
            return first.key in self._equal or (first.key, first.opclass) in self._prefixes
        return first.key in self._leads or bool(draft.predicate) or self._covers(draft)

    def implies(self, condition: str) -> bool:
        """Whether every row that the use wants meets the condition of a partial index, as far as the planner proves."""
        if condition in self._texts:
            return True
        wanted = _single(condition)
        if wanted is None or wanted.left.column is None:
            return False
        name = wanted.left.column.name
        mine = [term for term in self.use.terms if term.key is not None and term.key.text == name and not term.in_or]
        if wanted.operator == "is not null":
            return any(term.kind in _STRICT and term.operator not in ("is", "not", "") for term in mine)
        if wanted.operator == "<>":
            return _apart(literals(wanted.right.text), [literals(term.value) for term in mine if term.operator == "="])
        allowed = literals(wanted.right.text) if wanted.kind in (Kind.EQUAL, Kind.ANY) else None
        if allowed is None:
            return wanted.kind is Kind.RANGE and any(term.kind in _STRICT for term in mine)
        asked = [literals(term.value) for term in mine if term.kind in (Kind.EQUAL, Kind.ANY) and term.operator == "="]
        return any(values and set(values) <= set(allowed) for values in asked)

    def _covers(self, draft: Draft) -> bool:
        needed = self.use.needed()
        return needed is not None and needed <= draft.columns() and is_narrow(self.use.table, sorted(draft.columns()))


def _apart(shut_out: list[str] | None, asked: list[list[str] | None]) -> bool:
    return shut_out is not None and any(values and not set(values) & set(shut_out) for values in asked)


@lru_cache(maxsize=4096)
def _single(condition: str) -> Comparison | None:
    found = list(comparisons(condition))
    return found[0] if len(found) == 1 else None
