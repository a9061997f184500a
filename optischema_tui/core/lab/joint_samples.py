"""How many different values columns have together, from a sample: no statistic of single columns tells it."""

from __future__ import annotations

from collections.abc import Sequence

from optischema_tui.core.lab.sampler import Sampler
from optischema_tui.core.models import quote

MOST_GROUPS = 16
"""Groups of columns sampled for one lab; each costs the target one bounded query."""


class JointSamples:
    """Asks the sampler, where there is one, and at most `MOST_GROUPS` times. A group is asked for once."""

    def __init__(self, sampler: Sampler | None) -> None:
        self._sampler = sampler
        self._asked: dict[tuple[str, str, tuple[str, ...]], float | None] = {}

    def distinct(self, schema: str, table: str, columns: Sequence[str]) -> float | None:
        """n_distinct of the columns together, as pg_stats has it of one: below 0 a share of the rows. None: unknown."""
        names = tuple(sorted(columns))
        key = (schema, table, names)
        if key not in self._asked:
            if self._sampler is None or len(self._asked) >= MOST_GROUPS:
                return None
            text = f"ROW({', '.join(map(quote, names))})"
            row = self._sampler.expressions(schema, table, [text]).get(text)
            self._asked[key] = row.n_distinct if row is not None and row.n_distinct else None
        return self._asked[key]
