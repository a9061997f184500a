"""Indexes that exist for the planner only: created over an emptied heap, then given the size they would have."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optischema_tui.core.lab.explainer import Explainer
from optischema_tui.core.lab.image import BLOCK_SIZE, Image, Relation
from optischema_tui.core.lab.size_model import Fields, btree_pages, fields_width
from optischema_tui.core.lab.sparse import btree_height, extend, patch_btree
from optischema_tui.core.lab.statistics import relation_sql
from optischema_tui.core.models import IndexSpec, quote
from optischema_tui.core.workload.plan import parse_plan

if TYPE_CHECKING:
    from psycopg import Connection

_CREATED = b"""
SELECT c.oid, c.relname::text, t.relname::text, tn.nspname::text, c.relkind::text,
       pg_catalog.pg_relation_filepath(c.oid),
       (SELECT bool_and(EXISTS (SELECT FROM pg_catalog.pg_amproc p
                                WHERE p.amprocfamily = o.opcfamily AND p.amproclefttype = o.opcintype
                                  AND p.amprocnum = 4))
        FROM unnest(i.indclass::oid[]) AS k (class) JOIN pg_catalog.pg_opclass o ON o.oid = k.class)
FROM pg_catalog.pg_partition_tree(%s::regclass) AS tree
JOIN pg_catalog.pg_class c ON c.oid = tree.relid
JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
"""
_PLAIN = _CREATED.replace(b"pg_catalog.pg_partition_tree(%s::regclass)", b"(SELECT %s::regclass AS relid)")
ADMIN_SCHEMA = "optischema_admin"
"""Holds what only the superuser calls; nobody else may create in it."""
_NAME = "optischema_whatif_{number}"


@dataclass(frozen=True, slots=True)
class Part:
    """One relation of a what-if index: the index itself, or that of one partition."""

    oid: int
    name: str
    table: str
    table_schema: str
    kind: str
    path: str
    dedup: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A what-if index in the lab. `parts` are all its relations, the partitioned ones included."""

    name: str
    size_bytes: int
    parts: tuple[Part, ...]


class WhatIfMaker:
    """Creates what-if indexes. Nobody may plan while one is made: its table looks empty for a moment."""

    def __init__(
        self,
        image: Image,
        data_dir: Path,
        paths: dict[tuple[str, str], str],
        admin: Connection[Any],
        builder: Connection[Any],
        explainer: Explainer,
    ) -> None:
        self.fields = Fields(image.relations, image.statistics)
        self.data_dir = data_dir
        self.paths = paths
        """Data files of the lab's relations, relative to the data directory, by (schema, name)."""
        self.admin = admin
        self.builder = builder
        """Only ever used for DDL: a session that has planned keeps more of a table's files open."""
        self.explainer = explainer
        self._number = 0

    def make(self, spec: IndexSpec, tables: Sequence[Relation], *, partitioned: bool) -> Made:
        """Create `spec` over the leaves `tables`, switched off. Raises the driver's or the system's error."""
        self._number += 1
        name = _NAME.format(number=self._number)
        with self._emptied(tables):
            self.builder.execute(spec.sql(name, concurrently=False).encode())
        target = f"{quote(spec.schema)}.{quote(name)}"
        rows = self.admin.execute(_CREATED if partitioned else _PLAIN, (target,)).fetchall()
        parts = tuple(Part(*row) for row in rows)
        switch(self.admin, on=(), off=[part.oid for part in parts])
        size = sum(self._give_size(spec, part) for part in parts if part.kind == "i")
        return Made(name, size, parts)

    @contextmanager
    def _emptied(self, tables: Sequence[Relation]) -> Iterator[None]:
        """Make the tables look empty, so that CREATE INDEX reads no holes. Only the first segment counts for that."""
        with ExitStack() as restore:
            for table in tables:
                path = self.data_dir / self.paths[table.schema, table.name]
                size = path.stat().st_size
                if size:
                    restore.callback(os.truncate, path, size)
                    os.truncate(path, 0)
            yield

    def _give_size(self, spec: IndexSpec, part: Part) -> int:
        source = f"ONLY {quote(part.table_schema)}.{quote(part.table)}"
        where = f" WHERE {spec.predicate}" if spec.predicate else ""
        keys = self.fields.of(part.table_schema, part.table, spec.columns)
        include = self.fields.of(part.table_schema, part.table, spec.include)
        rows = self._estimate(f"SELECT 1 FROM {source}{where}")
        group = ", ".join(map(quote, spec.columns))
        distinct = min(rows, self._estimate(f"SELECT 1 FROM {source}{where} GROUP BY {group}"))
        pages = btree_pages(rows, distinct, keys, include, dedup=part.dedup)
        self.admin.execute(f"SELECT {quote(ADMIN_SCHEMA)}.pg_buffercache_evict_relation({part.oid})".encode())
        path = self.data_dir / part.path
        extend(path, pages)
        height = btree_height(pages, fields_width(keys))
        if height and pages > height + 2:
            patch_btree(path, height)
        self.admin.execute(relation_sql(part.table_schema, part.name, pages, rows).encode())
        return pages * BLOCK_SIZE

    def _estimate(self, sql: str) -> float:
        return parse_plan(self.explainer.explain(sql)).rows


def switch(admin: Connection[Any], *, on: Sequence[int], off: Sequence[int]) -> None:
    """Show the planner the indexes `on` and hide `off` (OIDs). Takes effect with the next statement of any session."""
    admin.execute(
        b"UPDATE pg_catalog.pg_index SET indisvalid = (indexrelid = ANY(%s::oid[]))"
        b" WHERE indexrelid = ANY(%s::oid[]) AND indisvalid <> (indexrelid = ANY(%s::oid[]))",
        (list(on), [*on, *off], list(on)),
    )
