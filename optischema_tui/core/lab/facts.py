"""The image as the advisor wants it: tables with their columns, indexes, sizes and foreign keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from optischema_tui.core.lab.arrays import parse_array as parse_array
from optischema_tui.core.lab.image import BLOCK_SIZE, Column, ColumnStatistics, Image, Index, Relation
from optischema_tui.core.models import CatalogFacts, ColumnFacts, ForeignKey, IndexFacts, TableFacts


def catalog_facts(image: Image) -> CatalogFacts:
    """Every ordinary and partitioned table and materialized view of the image."""
    builder = _Facts(image)
    tables = [builder.table(relation) for relation in image.relations.values() if relation.kind in "rpm"]
    return CatalogFacts(
        {(table.schema, table.name): table for table in tables},
        image.server.search_path,
        tuple((each.name, each.schema) for each in image.extensions),
    )


def leaves(image: Image, table: Relation) -> list[Relation]:
    """The tables that hold the rows of `table`: itself, or every partition below it."""
    if table.kind != "p":
        return [table]
    children = [r for r in image.relations.values() if table.oid in r.parents and r.kind in "rp"]
    return [leaf for child in children for leaf in leaves(image, child)]


def present_rows(relation: Relation) -> float:
    """reltuples scaled to the present size, as the planner does; -1 when it was never analyzed with rows in it."""
    if relation.rows < 0 or relation.pages <= 0:
        return -1.0 if relation.size_bytes else relation.rows
    return relation.rows / relation.pages * (relation.size_bytes / BLOCK_SIZE)


class _Facts:
    def __init__(self, image: Image) -> None:
        self.image = image
        self.statistics: dict[tuple[int, int, bool], ColumnStatistics] = {
            (row.relation, row.number, row.inherited): row for row in image.statistics
        }
        self.indexes: dict[int, list[Index]] = defaultdict(list)
        for index in image.indexes.values():
            self.indexes[index.relation].append(index)

    def table(self, relation: Relation) -> TableFacts:
        parts = leaves(self.image, relation)
        counts = [present_rows(part) for part in parts]
        known = [count for count in counts if count >= 0]
        return TableFacts(
            schema=relation.schema,
            name=relation.name,
            oid=relation.oid,
            rows=sum(known) if known else (-1.0 if parts else 0.0),
            size_bytes=sum(part.size_bytes for part in parts),
            columns=tuple(self.column(relation, column) for column in relation.columns if not column.dropped),
            indexes=tuple(self.index(index) for index in self.indexes[relation.oid]),
            writes=sum(part.inserts + part.updates + part.deletes for part in parts),
            inserts=sum(part.inserts for part in parts),
            updates=sum(part.updates for part in parts),
            hot_updates=sum(part.hot_updates for part in parts),
            deletes=sum(part.deletes for part in parts),
            modified=sum(part.modified for part in parts),
            foreign_keys=self.foreign_keys(relation),
            partitioned=relation.kind == "p",
            partition_of=self.parent(relation),
            all_visible=sum(part.all_visible for part in parts) / max(1, sum(part.pages for part in parts)),
        )

    def parent(self, relation: Relation) -> str:
        parents = (self.image.relations.get(oid) for oid in relation.parents)
        return next((parent.name for parent in parents if parent is not None), "")

    def column(self, relation: Relation, column: Column) -> ColumnFacts:
        row = self.statistics.get((relation.oid, column.number, relation.kind == "p"))
        facts = ColumnFacts(
            column.name,
            column.type,
            column.not_null,
            has_btree=column.has_btree,
            collation=column.collation,
            collate_c=self.collates_c(column.collation),
            unknown_ends=self.unknown_ends(relation, column),
        )
        if row is None:
            return facts
        return replace(
            facts,
            null_frac=row.null_frac,
            avg_width=row.width,
            n_distinct=row.n_distinct,
            most_common_vals=_texts(row.common_values),
            most_common_freqs=tuple(map(float, _texts(row.common_freqs))),
            histogram_bounds=_texts(row.histogram),
            correlation=float(row.correlation) if row.correlation else 0.0,
        )

    def unknown_ends(self, relation: Relation, column: Column) -> bool:
        unknown = self.image.unknown_ends
        return bool(unknown) and any(
            (part.oid, each.number) in unknown
            for part in leaves(self.image, relation)
            for each in part.columns
            if each.name == column.name
        )

    def collates_c(self, collation: str) -> bool:
        """Whether a column with this collation (empty: the database's) is ordered byte by byte."""
        if collation:
            return collation.partition(".")[2].strip('"') in ("C", "POSIX", "ucs_basic", "pg_c_utf8")
        return self.image.server.provider == "b" or self.image.server.collate in ("C", "POSIX")

    def index(self, index: Index) -> IndexFacts:
        relation = self.image.relations[index.oid]
        table = self.image.relations[index.relation]
        return IndexFacts(
            schema=relation.schema,
            name=relation.name,
            table=table.name,
            method=index.method,
            columns=index.columns[: index.keys],
            include=index.columns[index.keys :],
            descending=tuple(bool(option & 1) for option in index.options[: index.keys]),
            predicate=index.predicate,
            unique=index.unique,
            primary=index.primary,
            valid=index.valid,
            constraint=index.constraint,
            size_bytes=self.index_size(index),
            definition=index.definition,
            expressions=index.expressions,
            opclasses=index.opclasses if any(index.opclasses) else (),
            nulls_first=tuple(bool(option & 2) for option in index.options[: index.keys]),
            scans=self.index_scans(index),
            replica_identity=index.replica_identity,
            clustered=index.clustered,
            extension=index.extension,
            part_of=next(
                (self.image.relations[oid].name for oid in relation.parents if oid in self.image.relations), ""
            ),
        )

    def index_size(self, index: Index) -> int:
        """Bytes; of a partitioned index the sum of its partitions' indexes."""
        relation = self.image.relations[index.oid]
        if relation.kind == "i":
            return relation.size_bytes
        children: Iterable[Relation] = (r for r in self.image.relations.values() if index.oid in r.parents)
        return sum(self.index_size(self.image.indexes[r.oid]) for r in children if r.oid in self.image.indexes)

    def index_scans(self, index: Index) -> int:
        relation = self.image.relations[index.oid]
        if relation.kind == "i":
            return relation.scans
        children = (r for r in self.image.relations.values() if index.oid in r.parents)
        return sum(self.index_scans(self.image.indexes[r.oid]) for r in children if r.oid in self.image.indexes)

    def foreign_keys(self, relation: Relation) -> tuple[ForeignKey, ...]:
        names = {column.number: column.name for column in relation.columns}
        found = []
        for constraint in self.image.constraints:
            parent = self.image.relations.get(constraint.references)
            if constraint.kind == "f" and constraint.relation == relation.oid and parent is not None:
                columns = tuple(names[number] for number in constraint.columns)
                found.append(ForeignKey(columns, parent.schema, parent.name))
        return tuple(found)


def _texts(array: str | None) -> tuple[str, ...]:
    return () if array is None else parse_array(array)
