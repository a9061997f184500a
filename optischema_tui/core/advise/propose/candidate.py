"""An index that might be worth having, or one that exists and might be worth dropping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optischema_tui.core.advise.reading.use import Use
from optischema_tui.core.models import IndexFacts, IndexSpec


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What one question's plan, with the indexes that exist, does with its tables."""

    question: int
    uses: Sequence[Use]
    generic: Sequence[Use] | None = None
    """The uses of the plan with `$n` unknown: what holds there holds in every call. For a question with `$n` in it,
    `uses` once more. None for a statement with its own literals: these may be another call's parameters."""


@dataclass(frozen=True, slots=True)
class Candidate:
    spec: IndexSpec
    serves: frozenset[int]
    """Numbers of the questions whose plans could read it; no other question is ever planned with or without it."""
    reasons: tuple[str, ...] = ()
    """Why these keys in this order, this predicate, these included columns; one sentence each."""
    replaces: tuple[str, ...] = ()
    """Names of existing indexes of its table that would be needless beside it."""
    existing: IndexFacts | None = None
    """Set for an index that is there already: it costs no bytes to keep and saves its upkeep when dropped."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was considered and is not proposed."""

    schema: str
    table: str
    reason: str
    """A sentence, or the end of one that begins with the index's keys."""
    spec: IndexSpec | None = None
    """None when the reason concerns the table or a condition rather than one index."""


@dataclass(frozen=True, slots=True)
class Proposal:
    candidates: tuple[Candidate, ...]
    """Always in the same order."""
    refused: tuple[Refusal, ...]
