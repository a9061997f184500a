"""Statistics of index expressions: ANALYZE makes them only once an index exists, so a what-if has none of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from optischema_tui.core.lab.image import ColumnStatistics, Image
from optischema_tui.core.lab.sampler import Sampler
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line


class Expressions:
    """Knows those of existing indexes and of extended statistics; asks the sampler, where there is one, for others."""

    def __init__(self, image: Image, sampler: Sampler | None) -> None:
        self._sampler = sampler
        self._known: dict[tuple[str, str], dict[str, ColumnStatistics | None]] = {}
        by_index = {(row.relation, row.number): row for row in image.statistics if not row.inherited}
        for index in image.indexes.values():
            table = image.relations[index.relation]
            for number, text in enumerate(index.columns, 1):
                row = by_index.get((index.oid, number))
                if row is not None and index.numbers[number - 1] == 0:
                    self._of(table.schema, table.name).setdefault(_bare(text), row)
        for extended in image.extended:
            table = image.relations[extended.relation]
            for data in extended.data:
                for text, row in zip(extended.expressions, data.expressions, strict=False):
                    self._of(table.schema, table.name).setdefault(_bare(text), row)

    def known(self, spec: IndexSpec, texts: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Statistics of the expressions `texts` over the table of `spec`, as far as they can be had.

        Each expression of a table is sampled once.
        """
        known = self._of(spec.schema, spec.table)
        missing = [text for text in texts if _bare(text) not in known]
        if missing and self._sampler is not None:
            sampled = self._sampler.expressions(spec.schema, spec.table, missing)
            known |= {_bare(text): sampled.get(text) for text in missing}
        rows = {text: known.get(_bare(text)) for text in texts}
        return {text: row for text, row in rows.items() if row is not None}

    def guess(self, lacking: Collection[str]) -> str:
        """Why plans that go by the expressions `lacking` rest on a guess; empty when there are none."""
        if not lacking:
            return ""
        names = ", ".join(one_line(_bare(text), 120) for text in lacking)
        why = "the target gave no sample" if self._sampler is not None else "the table was not sampled"
        return f"No statistics of {names}: {why}, and ANALYZE makes them only after the index is built"

    def _of(self, schema: str, table: str) -> dict[str, ColumnStatistics | None]:
        return self._known.setdefault((schema, table), {})


def _bare(text: str) -> str:
    """The text without parentheses around the whole: the catalog prints an index's expression with them or without."""
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for position, character in enumerate(text):
            depth += (character == "(") - (character == ")")
            if depth == 0 and position < len(text) - 1:
                return text
        if depth:
            return text
        text = text[1:-1]
    return text
