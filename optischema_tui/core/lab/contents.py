"""All that a lab is made of, before its files get their size: statements, and digests to tell them apart later.

Two images with the same contents have the same lab. Rows and sizes are not among them: only the statements that load
the schema, the statistics and the numbers of pg_class.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.lab.ddl import Statement, foreign_statements, literal, schema_statements
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.statistics import column_statements, relation_statements
from optischema_tui.core.models import quote

DATABASE = "lab"
OWNER = "lab_owner"
About = tuple[str, str]
_SINCE = {
    "enable_presorted_aggregate": 160000,
    "enable_group_by_reordering": 170000,
    "enable_self_join_elimination": 180000,
    "enable_distinct_reordering": 180000,
}
"""Planner abilities with a switch, and the version that brought them: off for an older target."""
_SETTING = re.compile(r"[A-Za-z_]+\Z")


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement about one relation, as a note remembers it."""

    kind: str
    digest: str
    drop: str


@dataclass(frozen=True, slots=True)
class Note:
    """What a kept lab was made of."""

    available: tuple[str, ...]
    """Extensions that exist in it."""
    ground: str
    """Digest of what only a rebuild can follow: schemas, extensions, types, functions, views."""
    settings: str
    schema: Mapping[About, tuple[Piece, ...]]
    """By table."""
    columns: Mapping[About, str]
    """Digest of the column statistics of a relation."""
    relations: Mapping[About, str]
    extended: Mapping[About, str]
    """Digest of the contents of an extended statistics object, by its own name."""
    failed: tuple[tuple[str, About | None, str], ...]
    """What could not be loaded: phase, what it is about, a sentence."""
    paths: Mapping[About, str]
    """Data files of tables, materialized views and indexes, relative to the data directory."""

    def as_json(self) -> dict[str, Any]:
        return {
            "available": self.available,
            "ground": self.ground,
            "settings": self.settings,
            "schema": [[*about, [[p.kind, p.digest, p.drop] for p in pieces]] for about, pieces in self.schema.items()],
            "columns": _pairs(self.columns),
            "relations": _pairs(self.relations),
            "extended": _pairs(self.extended),
            "failed": self.failed,
            "paths": _pairs(self.paths),
        }

    @classmethod
    def of_json(cls, words: Mapping[str, Any]) -> Note:
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError when that is something else."""
        return cls(
            available=tuple(words["available"]),
            ground=words["ground"],
            settings=words["settings"],
            schema={(schema, name): tuple(Piece(*p) for p in pieces) for schema, name, pieces in words["schema"]},
            columns=_mapping(words["columns"]),
            relations=_mapping(words["relations"]),
            extended=_mapping(words["extended"]),
            failed=tuple((phase, about and (about[0], about[1]), text) for phase, about, text in words["failed"]),
            paths=_mapping(words["paths"]),
        )


class Contents:
    """What `image` makes in a lab in which the extensions `available` exist."""

    def __init__(self, image: Image, available: Collection[str]) -> None:
        everything = {(relation.schema, relation.name) for relation in image.relations.values()}
        self.image = image
        self.available = tuple(sorted(available))
        self.settings = settings_statements(image)
        self.schema = schema_statements(image, available)
        self.columns = column_statements(image, everything)
        self.relations = relation_statements(image, everything)
        self.owners = {
            (image.relations[index.oid].schema, image.relations[index.oid].name): (
                image.relations[index.relation].schema,
                image.relations[index.relation].name,
            )
            for index in image.indexes.values()
        }
        """Table of each index."""

    def note(
        self, failed: Iterable[tuple[str, About | None, str]] = (), paths: Mapping[About, str] | None = None
    ) -> Note:
        ground = foreign_statements(self.image, self.available, OWNER)
        ground += [statement for statement in self.schema if statement.about is None]
        schema: dict[About, list[Piece]] = defaultdict(list)
        for one in self.schema:
            if one.about is not None:
                schema[one.about].append(Piece(one.kind, digest(one.sql), one.drop))
        return Note(
            available=self.available,
            ground=digest(*(statement.sql for statement in ground)),
            settings=digest(*(statement.sql for statement in self.settings)),
            schema={about: tuple(pieces) for about, pieces in schema.items()},
            columns=_by_relation(self.columns),
            relations=_by_relation(self.relations),
            extended={
                (one.schema, one.name): digest(one.definition, repr(one.expressions), repr(one.data))
                for one in self.image.extended
            },
            failed=tuple(failed),
            paths=paths or {},
        )


def settings_statements(image: Image) -> list[Statement]:
    """The planner settings and the search path of the target, as those of the lab's database."""
    server = image.server
    path = ", ".join(map(quote, server.search_path)) or "''"
    settings = {name: value for name, value in server.settings if _SETTING.match(name)}
    settings |= {name: "off" for name, since in _SINCE.items() if server.version_num < since}
    settings["jit"] = "off"
    return [
        Statement("settings", f"ALTER DATABASE {DATABASE} RESET ALL"),
        *(
            Statement(f"setting {name}", f"ALTER DATABASE {DATABASE} SET {name} = {literal(value)}")
            for name, value in settings.items()
        ),
        Statement("search path", f"ALTER DATABASE {DATABASE} SET search_path = {path}"),
    ]


def digest(*texts: str) -> str:
    """16 hexadecimal digits that differ when the texts do."""
    made = hashlib.blake2b(digest_size=8)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(8))
        made.update(data)
    return made.hexdigest()


def _by_relation(statements: Iterable[Statement]) -> dict[About, str]:
    texts: dict[About, list[str]] = defaultdict(list)
    for statement in statements:
        if statement.about is not None:
            texts[statement.about].append(statement.sql)
    return {about: digest(*sql) for about, sql in texts.items()}


def _pairs(mapping: Mapping[About, str]) -> list[list[str]]:
    return [[*about, value] for about, value in mapping.items()]


def _mapping(triples: Iterable[Any]) -> dict[About, str]:
    return {(schema, name): str(value) for schema, name, value in triples}
