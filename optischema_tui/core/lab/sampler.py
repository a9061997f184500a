"""What the lab may ask of a target's rows: a bounded sample, where the role may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from optischema_tui.core.lab.image import ColumnStatistics


class Sampler(Protocol):
    """Answers from the target. Never raises for a lack of rights, time or rows: what it cannot tell is absent."""

    def expressions(self, schema: str, table: str, texts: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Statistics of expressions over a table's columns (SQL text, unqualified names) from a sample of its rows.

        `relation` and `number` of the answers mean nothing.
        """

    def column(self, schema: str, table: str, column: str, target: int) -> ColumnStatistics | None:
        """What ANALYZE would find for a column with a statistics target of `target`."""
