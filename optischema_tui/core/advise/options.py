"""What bounds a run of the advisor."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.advise.propose.proposal import MAX_WIDTH

MIN_GAIN = 0.002
"""An index must save at least this share of the workload's measured time ..."""
MIN_GAIN_IN_BUDGET = 0.0003
"""... or this, where a person has said how many bytes all may take: what fits and pays is then wanted."""
MAX_STATEMENTS = 200
"""The heaviest are looked at, at most so many ..."""
COVERED_TIME = 0.999
"""... and no more than make up this share of the measured time."""


MOST_CALLS = 5000
"""Ends the search of a large workload after about a minute, and always at the same place; a few dozen OLTP statements
need 500 to 2,500."""


@dataclass(frozen=True, slots=True)
class Options:
    budget_bytes: int | None = None
    """Bounds the estimated size of all recommended indexes together."""
    min_gain: float | None = None
    """0-1 of the measured time that an index must save; None: by whether there is a budget."""
    max_width: int = MAX_WIDTH
    """Key columns of an index."""
    plain_only: bool = False
    """B-trees on columns alone: no expressions, no predicates, no included columns."""
    values: int = 4
    """Texts with drawn values that a normalised statement may be planned as."""
    samples: int = 8
    """Texts with real literals that the variants of one statement may be planned as in the choice."""
    hopeful: bool = False
    """Believe the planner's total cost even where it is known to hope for too much."""
    upkeep: bool = True
    """Subtract what writes pay for each index."""
    max_statements: int = MAX_STATEMENTS
    covered_time: float = COVERED_TIME
    max_calls: int | None = MOST_CALLS
    """EXPLAINs of the search; None: as many as it takes."""
    seconds: float | None = None
    """For the search; None: until it is through."""
    observed_days: float | None = None
    """How long the use of this server has been watched; None not known. Drop advice rests on it."""

    @property
    def least_gain(self) -> float:
        if self.min_gain is not None:
            return self.min_gain
        return MIN_GAIN if self.budget_bytes is None else MIN_GAIN_IN_BUDGET
