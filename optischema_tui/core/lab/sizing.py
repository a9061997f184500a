"""The size that an index of the lab would have: what the model needs, gathered from the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from optischema_tui.core.lab.distribution import (
    ONE_KEY,
    UNKNOWN_DISTINCT,
    Spread,
    distinct_among,
    evenly,
    spread,
    with_distinct,
)
from optischema_tui.core.lab.elements import elements
from optischema_tui.core.lab.explainer import Explainer
from optischema_tui.core.lab.facts import present_rows
from optischema_tui.core.lab.image import BLOCK_SIZE, ColumnStatistics, Image, Relation
from optischema_tui.core.lab.joint_samples import JointSamples
from optischema_tui.core.lab.known_distinct import Known, joint_spread, known_groups
from optischema_tui.core.lab.other_sizes import brin_pages, gin_pages, gist_pages, hash_pages
from optischema_tui.core.lab.pinned import NOTHING, Pinned, pinned
from optischema_tui.core.lab.sampler import Sampler
from optischema_tui.core.lab.size_model import UNKNOWN_WIDTH, Entries, Size, Tuples, btree_size
from optischema_tui.core.lab.widths import NULL, Shape, shape, tuples_of, without_nulls
from optischema_tui.core.models import IndexSpec, quote
from optischema_tui.core.target.scan import scan
from optischema_tui.core.workload.plan import PlanNode, parse_plan

_INTEGERS = frozenset(("smallint", "integer", "bigint"))
_TELLING = 0.5
"""Share of neighbours that a key must tell apart for inner pages to do without the keys after it."""
_MOST = 0.9
"""Share of a table's rows in an index from which ANALYZE's counts of equal values hold for it."""
_SAMPLED_FROM = 20_000
"""Rows of a table from which the dependence of its columns is worth a sample."""
_WORTH_ASKING = 1.3
"""Factor between the sizes with independent and with dependent columns from which it is worth one."""
_DEPENDENT = 0.5
"""A sample tells too few distinct values rather than too many: only far fewer than independent columns have count."""
_USUAL = Tuples(16.0, 16.0)


@dataclass(frozen=True, slots=True)
class Part:
    """One relation of a what-if index: the index itself, or that of one partition.

    The tuples go per column, keys first, as pg_attribute has them; `numbers` are 0 and `texts` set for expressions.
    """

    oid: int
    name: str
    table: str
    table_schema: str
    kind: str
    path: str
    dedup: bool
    keys: int
    numbers: tuple[int, ...]
    lengths: tuple[int, ...]
    alignments: tuple[str, ...]
    types: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sized:
    rows: float
    size: Size


class Sizer:
    """Sizes by the statistics of the image. Asks the lab's planner for the rows of a predicate, once for each, and for
    the values of an expression without statistics."""

    def __init__(self, image: Image, explainer: Explainer, sampler: Sampler | None = None) -> None:
        self._explainer = explainer
        self._joint = JointSamples(sampler)
        self._tables = {(r.schema, r.name): r for r in image.relations.values() if r.kind in "rpm"}
        self._statistics = {(row.relation, row.number, row.inherited): row for row in image.statistics}
        self._image = image
        self._known: dict[int, Known] = {}
        self._plans: dict[str, PlanNode] = {}
        self._spreads: dict[tuple[int, int | str, bool], Spread] = {}
        self._shapes: dict[tuple[int, int | str, int], Shape] = {}

    def size(self, spec: IndexSpec, part: Part, expressions: Mapping[str, ColumnStatistics]) -> Sized:
        """Size of `part` of the index; `expressions` has the statistics of those that are known, by their text."""
        table = self._tables[part.table_schema, part.table]
        total = self._rows(table, "")
        rows = min(total, self._rows(table, spec.predicate)) if spec.predicate else total
        rows_of = [self._row(table, part, k, expressions) for k in range(len(part.numbers))]
        if spec.method == "btree":
            return Sized(rows, self._btree(spec, part, table, rows_of, total, rows))
        heap = table.size_bytes / BLOCK_SIZE
        width = sum(self._width(part, k, rows_of[k]) for k in range(part.keys))
        if spec.method == "brin":
            return Sized(rows, Size(brin_pages(heap, width)))
        if spec.method == "hash":
            return Sized(rows, Size(hash_pages(rows, self._single(table, part, 0, rows_of[0], NOTHING, total))))
        if spec.method == "gin":
            opclasses = spec.opclasses or ("",) * part.keys
            kinds = [self._type(table, part, k) for k in range(part.keys)]
            found = [elements(rows_of[k], kinds[k], opclasses[k], rows) for k in range(part.keys)]
            return Sized(rows, Size(sum(gin_pages(rows, heap, one) for one in found)))
        return Sized(rows, Size(gist_pages(rows, width)))

    # -- B-trees -------------------------------------------------------------------------------------------------

    def _btree(
        self,
        spec: IndexSpec,
        part: Part,
        table: Relation,
        rows_of: list[ColumnStatistics | None],
        total: float,
        rows: float,
    ) -> Size:
        said = pinned(spec.predicate)
        if table.oid not in self._known:
            self._known[table.oid] = known_groups(self._image, table)
        singles = [self._single(table, part, k, rows_of[k], said, total) for k in range(part.keys)]
        shapes = [self._shape(table, part, k, rows_of[k], said) for k in range(len(part.numbers))]
        dedup = part.dedup and len(part.numbers) == part.keys
        if dedup and part.keys > 1:
            self._ask(spec, table, part.numbers, singles, total)
        whole = rows > _MOST * total
        nullable = max(range(part.keys), key=lambda k: _nulls(shapes[k]))
        share = _nulls(shapes[nullable])
        lots = [(1.0, singles, shapes)]
        if 0 < share < 1:
            # Tuples with NULL are small and mostly alike, the others are not.
            filled = self._single(table, part, nullable, rows_of[nullable], said, total, nulls=False)
            lots = [
                (share, _with(singles, nullable, ONE_KEY), _with(shapes, nullable, NULL)),
                (1 - share, _with(singles, nullable, filled), _with(shapes, nullable, without_nulls(shapes[nullable]))),
            ]
        entries = [self._entries(table, part, keys, kinds, total, rows * lot, whole) for lot, keys, kinds in lots]
        return btree_size(entries, dedup=dedup)

    def _ask(
        self, spec: IndexSpec, table: Relation, numbers: tuple[int, ...], singles: list[Spread], total: float
    ) -> None:
        """Have columns sampled together where it matters whether they depend on each other."""
        known = self._known[table.oid]
        group = frozenset(numbers)
        told = {*known.distinct, *known.at_most, *known.unique}
        if 0 in group or total < _SAMPLED_FROM or any(other <= group and len(other) > 1 for other in told):
            return
        free = joint_spread(numbers, singles, known, total)
        bound = with_distinct(free, total, max(distinct_among(one, total) for one in singles))
        sizes = [btree_size([Entries(total, kinds, _USUAL)], dedup=True).pages for kinds in (free, bound)]
        if sizes[0] < _WORTH_ASKING * sizes[1] or any(other <= group for other in known.unique):
            return
        found = self._joint.distinct(spec.schema, spec.table, [self._name(table, number) for number in numbers])
        distinct = total if found is None else found if found > 0 else -found * total
        if distinct < _DEPENDENT * distinct_among(free, total):
            self._known[table.oid] = replace(known, distinct={**known.distinct, group: distinct})

    def _entries(
        self,
        table: Relation,
        part: Part,
        singles: list[Spread],
        shapes: list[Shape],
        total: float,
        rows: float,
        whole: bool,
    ) -> Entries:
        known = self._known[table.oid]
        spreads = [joint_spread(part.numbers[:n], singles[:n], known, total) for n in range(1, part.keys + 1)]
        telling = next((n for n, s in enumerate(spreads, 1) if distinct_among(s, rows) > _TELLING * rows), None)
        tuples = tuples_of(shapes[: part.keys], shapes[part.keys :], telling=telling)
        return Entries(rows, spreads[-1], tuples, counted=whole and part.keys == 1)

    def _single(
        self,
        table: Relation,
        part: Part,
        k: int,
        row: ColumnStatistics | None,
        said: Pinned,
        total: float,
        *,
        nulls: bool = True,
    ) -> Spread:
        name = self._name(table, part.numbers[k])
        if name and name in said.equal:
            return ONE_KEY
        nulls = nulls and name not in said.not_null
        key = (table.oid, part.numbers[k] or part.texts[k], nulls)
        if key not in self._spreads:
            integers = self._type(table, part, k) in _INTEGERS
            self._spreads[key] = (
                spread(row, total, nulls=nulls, integers=integers)
                if row is not None
                else self._uncounted(table, part.texts[k], total)
            )
        return self._spreads[key]

    def _uncounted(self, table: Relation, text: str, total: float) -> Spread:
        if not text:
            return evenly(UNKNOWN_DISTINCT, total)
        source = f"ONLY {quote(table.schema)}.{quote(table.name)}"
        return evenly(self._plan(f"SELECT 1 FROM {source} GROUP BY {text}").rows, total)

    def _shape(self, table: Relation, part: Part, k: int, row: ColumnStatistics | None, said: Pinned) -> Shape:
        name = self._name(table, part.numbers[k])
        if name and name in said.null:
            return NULL
        key = (table.oid, part.numbers[k] or part.texts[k], part.lengths[k])
        if key not in self._shapes:
            if row is None and part.texts[k]:
                row = self._alike(table, part.texts[k], part.types[k])
            self._shapes[key] = shape(part.lengths[k], part.alignments[k], part.types[k], row)
        found = self._shapes[key]
        return without_nulls(found) if name in said.not_null else found

    def _alike(self, table: Relation, text: str, kind: str) -> ColumnStatistics | None:
        """Statistics of a column of the same type in an expression: what comes out is about as wide as it."""
        words = {token.text.strip('"') for token in scan(text) if token.kind in ("word", "name")}
        same = (c for c in table.columns if c.name in words and c.bare_type.split("(")[0] == kind.split("(")[0])
        column = next(same, None)
        return self._statistics.get((table.oid, column.number, False)) if column is not None else None

    # -- what is known -------------------------------------------------------------------------------------------

    def _row(
        self, table: Relation, part: Part, k: int, expressions: Mapping[str, ColumnStatistics]
    ) -> ColumnStatistics | None:
        number = part.numbers[k]
        if number == 0:
            return expressions.get(part.texts[k])
        own = self._statistics.get((table.oid, number, False))
        if own is not None or not table.parents:
            return own
        name = self._name(table, number)
        for oid in table.parents:
            parent = self._image.relations.get(oid)
            same = next((c.number for c in parent.columns if c.name == name), 0) if parent is not None else 0
            found = self._statistics.get((oid, same, True))
            if found is not None:
                return found
        return None

    def _width(self, part: Part, k: int, row: ColumnStatistics | None) -> float:
        if part.lengths[k] > 0:
            return part.lengths[k]
        return row.width if row is not None else UNKNOWN_WIDTH

    def _type(self, table: Relation, part: Part, k: int) -> str:
        """The type of what is indexed; a hash or GIN index itself has columns of another."""
        column = next((column for column in table.columns if column.number == part.numbers[k]), None)
        return column.bare_type if column is not None else part.types[k]

    def _name(self, table: Relation, number: int) -> str:
        return next((column.name for column in table.columns if column.number == number), "")

    def _rows(self, table: Relation, predicate: str) -> float:
        if not predicate:
            counted = present_rows(table)
            if counted >= 0:
                return counted
        where = f" WHERE {predicate}" if predicate else ""
        return self._plan(f"SELECT 1 FROM ONLY {quote(table.schema)}.{quote(table.name)}{where}").rows

    def _plan(self, sql: str) -> PlanNode:
        if sql not in self._plans:
            self._plans[sql] = parse_plan(self._explainer.explain(sql))
        return self._plans[sql]


def _nulls(one: Shape) -> float:
    return sum(width is None for width in one.widths) / len(one.widths)


T = TypeVar("T")


def _with(things: Sequence[T], position: int, thing: T) -> list[T]:
    return [*things[:position], thing, *things[position + 1 :]]
