"""Indexes that exist for the planner only: created over an emptied heap, then given the size they would have."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.ddl import Statement
from optischema_tui.core.lab.expressions import Expressions
from optischema_tui.core.lab.image import BLOCK_SIZE, ColumnStatistics, Relation
from optischema_tui.core.lab.load import run_once
from optischema_tui.core.lab.sizing import Part, Sizer
from optischema_tui.core.lab.sparse import extend, patch_btree
from optischema_tui.core.lab.statistics import column_sql, relation_sql
from optischema_tui.core.models import IndexSpec, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

ADMIN_SCHEMA = "optischema_admin"
"""Holds what only the superuser calls; nobody else may create in it."""
_MOST_AT_ONCE = 1000
"""Relations made in one transaction, each of which takes a lock."""
_NAME = "optischema_whatif_{number}"
_CREATED = b"""
SELECT root.name, c.oid, c.relname::text, t.relname::text, tn.nspname::text, c.relkind::text,
       pg_catalog.pg_relation_filepath(c.oid),
       (SELECT bool_and(EXISTS (SELECT FROM pg_catalog.pg_amproc p
                                WHERE p.amprocfamily = o.opcfamily AND p.amproclefttype = o.opcintype
                                  AND p.amprocnum = 4))
        FROM unnest(i.indclass::oid[]) AS k (class) JOIN pg_catalog.pg_opclass o ON o.oid = k.class),
       i.indnkeyatts::int, pg_catalog.string_to_array(i.indkey::text, ' ')::int[],
       a.lengths, a.alignments, a.types, a.texts
FROM unnest(%s::text[]) AS root (name)
CROSS JOIN LATERAL (SELECT root.name::regclass::oid AS oid
                    UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree(root.name::regclass)) AS tree
JOIN pg_catalog.pg_class c ON c.oid = tree.oid
JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
CROSS JOIN LATERAL (
    SELECT array_agg(a.attlen::int ORDER BY a.attnum) AS lengths,
           array_agg(a.attalign::text ORDER BY a.attnum) AS alignments,
           array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types,
           array_agg(CASE WHEN i.indkey[a.attnum - 1] = 0 THEN pg_catalog.pg_get_indexdef(c.oid, a.attnum, false)
                     ELSE '' END ORDER BY a.attnum) AS texts
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid) AS a
ORDER BY c.oid
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An index to make; `leaves` hold the rows of its table."""

    spec: IndexSpec
    leaves: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A what-if index in the lab. `parts` are all its relations, the partitioned ones included."""

    name: str
    size_bytes: int
    parts: tuple[Part, ...]
    guess: str = ""


class WhatIfMaker:
    """Creates what-if indexes. Nobody may plan while they are made: their table looks empty for a moment."""

    def __init__(
        self,
        data_dir: Path,
        paths: Mapping[tuple[str, str], str],
        admin: Connection[Any],
        builder: Connection[Any],
        sizer: Sizer,
        expressions: Expressions,
        search_path: Sequence[str],
    ) -> None:
        self.data_dir = data_dir
        self.paths = paths
        """Data files of the lab's relations, relative to the data directory, by (schema, name)."""
        self.admin = admin
        self.builder = builder
        """Only ever used for DDL: a session that has planned keeps more of a table's files open."""
        self.sizer = sizer
        self.expressions = expressions
        self.search_path = search_path
        """Schemas, as the target's session had them."""
        self._number = 0

    def make(self, wanted: Sequence[Wanted]) -> list[Made | LabError]:
        """Create all of them, switched off; in place of one that the server refuses, why. A table is emptied once.

        Raises the driver's or the system's error when the lab's server or its files are lost.
        """
        by_table: dict[tuple[str, str], list[int]] = {}
        for position, one in enumerate(wanted):
            by_table.setdefault((one.spec.schema, one.spec.table), []).append(position)
        made: dict[int, Made | LabError] = {}
        for positions in by_table.values():
            step = max(1, _MOST_AT_ONCE // max(1, len(wanted[positions[0]].leaves)))
            for start in range(0, len(positions), step):
                some = positions[start : start + step]
                made |= zip(some, self._make([wanted[position] for position in some]), strict=True)
        return [made[position] for position in range(len(wanted))]

    def _make(self, wanted: Sequence[Wanted]) -> list[Made | LabError]:
        """`make` for indexes of one table."""
        names = []
        for _ in wanted:
            self._number += 1
            names.append(_NAME.format(number=self._number))
        statements = [
            Statement(name, one.spec.sql(name, concurrently=False)) for name, one in zip(names, wanted, strict=True)
        ]
        with self._emptied(wanted[0].leaves), self._target_path():
            failed = {failure.statement.what: failure.reason for failure in run_once(self.builder, statements)}
        parts = self._parts(wanted[0].spec.schema, [name for name in names if name not in failed])
        sizes: list[str] = []
        made = [
            LabError("The lab cannot model this index", failed[name])
            if name in failed
            else self._sized(name, one.spec, parts[name], sizes)
            for name, one in zip(names, wanted, strict=True)
        ]
        if sizes:
            self.admin.execute("; ".join(sizes).encode())
        return made

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

    @contextmanager
    def _target_path(self) -> Iterator[None]:
        """Names in predicates, expressions and operator classes mean what they mean to the target's session."""
        path = ", ".join(map(quote, self.search_path)) or "''"
        self.builder.execute(f"SET search_path = {path}".encode())
        try:
            yield
        finally:
            if not self.builder.closed:
                self.builder.execute(b"SET search_path = pg_catalog")

    def _parts(self, schema: str, names: Sequence[str]) -> dict[str, tuple[Part, ...]]:
        """The relations of the new indexes, which no plan sees from now on, and none of whose pages is cached."""
        roots = {f"{quote(schema)}.{quote(name)}": name for name in names}
        found: dict[str, list[Part]] = {name: [] for name in names}
        for root, *row in self.admin.execute(_CREATED, (list(roots),)):
            values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
            found[roots[root]].append(Part(*values))
        oids = [part.oid for parts in found.values() for part in parts]
        self.admin.execute(
            b"UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = ANY(%s::oid[])", (oids,)
        )
        evict = f"SELECT {quote(ADMIN_SCHEMA)}.pg_buffercache_evict_relation(oid) FROM unnest(%s::oid[]) AS oid"
        self.admin.execute(evict.encode(), (oids,))
        return {name: tuple(parts) for name, parts in found.items()}

    def _sized(self, name: str, spec: IndexSpec, parts: tuple[Part, ...], sizes: list[str]) -> Made | LabError:
        """Gives the index its files' sizes; what the catalog shall say of them is added to `sizes`."""
        texts = tuple(dict.fromkeys(text for part in parts for text in part.texts if text))
        known = self.expressions.known(spec, texts) if texts else {}
        total = 0
        for part in parts:
            if part.kind != "i":
                continue
            try:
                sized = self.sizer.size(spec, part, known)
            except LabError as error:
                return error
            pages = max(sized.size.pages, self._give(part, sized.size.pages, sized.size.height))
            total += pages * BLOCK_SIZE
            sizes.append(relation_sql(part.table_schema, part.name, pages, sized.rows))
        restored = self._restore(parts, known)
        lacking = [text for text in texts if text not in restored]
        return Made(name, total, parts, self.expressions.guess(lacking))

    def _give(self, part: Part, pages: int, height: int) -> int:
        """Give a relation its size and height; returns the pages it has then: an index is never made shorter."""
        path = self.data_dir / part.path
        own = path.stat().st_size // BLOCK_SIZE
        extend(path, pages)
        if height and pages > height + 2:
            patch_btree(path, height)
        return own

    def _restore(self, parts: Sequence[Part], known: Mapping[str, ColumnStatistics]) -> set[str]:
        """Give index expressions the statistics that ANALYZE would find. Returns the texts for which that went well."""
        done = set()
        for text, row in known.items():
            statements = [
                Statement(
                    one_line(text),
                    column_sql(
                        part.table_schema,
                        part.name,
                        replace(row, number=number, column="", inherited=False),
                        by_number=True,
                    ),
                )
                for part in parts
                for number, of_part in enumerate(part.texts, 1)
                if of_part == text
            ]
            if not run_once(self.builder, statements):
                done.add(text)
        return done
