"""The statements that build a target's schema in the lab, in the order in which they can succeed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from optischema_tui.core.lab.image import Image, Index, Relation, TypeInfo
from optischema_tui.core.models import quote

STUB_LOCALE = "C.UTF-8"
_MODELLED_LANGUAGES = ("sql", "plpgsql")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement and the name of what it makes."""

    what: str
    sql: str
    about: tuple[str, str] | None = None
    """The relation (schema, name) that it makes, completes or describes, where it concerns no other."""
    kind: str = ""
    """Of those about a relation: its place in the order of making."""
    drop: str = ""
    """What undoes it, where that touches nothing else."""


def literal(text: str) -> str:
    """`text` as a string constant; standard_conforming_strings must be on."""
    return "'" + text.replace("'", "''") + "'"


def qualified(relation: Relation) -> str:
    return f"{quote(relation.schema)}.{quote(relation.name)}"


def called(kind: str, schema: str, name: str) -> str:
    return f"{kind} {schema}.{name}"


def foreign_statements(image: Image, available: Collection[str], owner: str) -> list[Statement]:
    """What only a superuser may make: schemas, extensions in `available`, and stubs of missing collations."""
    made = [
        Statement(f"schema {name}", f"CREATE SCHEMA IF NOT EXISTS {quote(name)} AUTHORIZATION {quote(owner)}")
        for name in image.schemas
    ]
    made += [
        Statement(
            f"extension {extension.name}",
            f"CREATE EXTENSION IF NOT EXISTS {quote(extension.name)} WITH SCHEMA {quote(extension.schema)} CASCADE",
        )
        for extension in image.extensions
        if extension.name in available
    ]
    made += [
        Statement(
            called("collation", schema, name),
            f"CREATE COLLATION IF NOT EXISTS {quote(schema)}.{quote(name)} (provider = libc, locale = '{STUB_LOCALE}')",
        )
        for schema, name in image.collations
    ]
    return made


def schema_statements(image: Image, available: Collection[str]) -> list[Statement]:
    """Everything else, as the owner of the lab's database. `available` names the extensions that exist in the lab."""
    return list(_Schema(image, available).statements())


class _Schema:
    def __init__(self, image: Image, available: Collection[str]) -> None:
        self.image = image
        self.missing = {extension.name for extension in image.extensions} - set(available)
        self.types = {info.oid: info for info in image.types}
        self.tables = [r for r in image.relations.values() if r.kind in "rp"]

    def statements(self) -> Iterator[Statement]:
        yield from self.user_types()
        for relation in self.image.relations.values():
            if relation.kind == "S":
                what = called("sequence", relation.schema, relation.name)
                name = qualified(relation)
                yield Statement(what, f"CREATE SEQUENCE {name}", _about(relation), "table", f"DROP SEQUENCE {name}")
        for table in self.tables:
            yield from self.table(table)
        for function in self.image.functions:
            if function.language in _MODELLED_LANGUAGES:
                yield Statement(called("function", function.schema, function.name), function.definition)
        yield from self.defaults()
        yield from self.constraints("cpux")
        yield from self.indexes("rp")
        yield from self.attachments()
        yield from self.constraints("f")
        yield from self.views()
        yield from self.indexes("m")
        for extended in self.image.extended:
            about = _about(self.image.relations[extended.relation])
            drop = f"DROP STATISTICS {quote(extended.schema)}.{quote(extended.name)}"
            what = called("statistics", extended.schema, extended.name)
            yield Statement(what, extended.definition, about, "statistics", drop)

    # -- types ---------------------------------------------------------------------------------------------------

    def user_types(self) -> Iterator[Statement]:
        for info in self.image.types:
            name = f"{quote(info.schema)}.{quote(info.name)}"
            if info.extension in self.missing and not info.is_array and info.kind in "bderc":
                yield Statement(called("type", info.schema, info.name), f"CREATE DOMAIN {name} AS text")
            elif not info.extension:
                sql = self.type_sql(info, name)
                if sql:
                    yield Statement(called("type", info.schema, info.name), sql)
        for relation in self.image.relations.values():
            if relation.kind == "c":
                columns = ", ".join(
                    f"{quote(column.name)} {self.type_of(column.type, column.bare_type, column.type_oid)}"
                    + (f" COLLATE {column.collation}" if column.collation else "")
                    for column in relation.columns
                    if not column.dropped
                )
                yield Statement(
                    called("type", relation.schema, relation.name), f"CREATE TYPE {qualified(relation)} AS ({columns})"
                )

    def type_sql(self, info: TypeInfo, name: str) -> str:
        if info.kind == "e":
            return f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, info.labels))})"
        if info.kind == "r":
            multirange = (
                f", multirange_type_name = {quote(info.schema)}.{quote(info.multirange)}" if info.multirange else ""
            )
            kinds = (
                ("subtype_opclass", info.subtype_opclass),
                ("collation", info.subtype_collation),
                ("subtype_diff", info.subtype_diff),
            )
            rest = "".join(f", {kind} = {value}" for kind, value in kinds if value)
            return f"CREATE TYPE {name} AS RANGE (subtype = {info.subtype}{rest}{multirange})"
        if info.kind == "d":
            parts = [f"CREATE DOMAIN {name} AS {self.type_of(info.base, info.base, info.base_oid)}"]
            parts += [f"COLLATE {info.collation}"] if info.collation else []
            parts += ["NOT NULL"] if info.not_null else []
            return " ".join([*parts, *info.constraints])
        return ""

    def type_of(self, full: str, bare: str, oid: int) -> str:
        """The type's text; without its modifier when a stub stands for it."""
        info = self.types.get(oid)
        if info is not None and info.is_array:
            info = self.types.get(info.element)
        return bare if info is not None and info.extension in self.missing else full

    # -- tables --------------------------------------------------------------------------------------------------

    def table(self, table: Relation) -> Iterator[Statement]:
        columns = []
        for column in table.columns:
            if column.dropped:
                columns.append(f"{quote(_placeholder(column.number))} int")
                continue
            text = f"{quote(column.name)} {self.type_of(column.type, column.bare_type, column.type_oid)}"
            # No plan depends on it, and without it nearly every table costs a TOAST table and its index.
            text += " STORAGE PLAIN" if column.length == -1 and not column.virtual else ""
            text += f" COLLATE {column.collation}" if column.collation else ""
            text += f" GENERATED ALWAYS AS ({column.virtual}) VIRTUAL" if column.virtual else ""
            # A partition gets the identity of its parent when it is attached, and may have none before.
            text += " GENERATED BY DEFAULT AS IDENTITY" if column.identity and not table.bound else ""
            columns.append(text + (" NOT NULL" if column.not_null else ""))
        sql = f"CREATE TABLE {qualified(table)} ({', '.join(columns)})"
        sql += f" PARTITION BY {table.partition_key}" if table.partition_key else _options(table.options)
        what = called("table", table.schema, table.name)
        dropped = [_placeholder(column.number) for column in table.columns if column.dropped]
        if dropped:
            # Attribute numbers must stay equal: extended statistics are stored with them.
            drops = ", ".join(f"DROP COLUMN {quote(name)}" for name in dropped)
            sql += f"; ALTER TABLE {qualified(table)} {drops}"
        yield Statement(what, sql, _about(table), "table", f"DROP TABLE {qualified(table)}")

    def defaults(self) -> Iterator[Statement]:
        for table in self.tables:
            for column in table.columns:
                if column.default:
                    alter = f"ALTER TABLE ONLY {qualified(table)} ALTER COLUMN {quote(column.name)}"
                    what = f"default of {table.schema}.{table.name}.{column.name}"
                    yield Statement(what, f"{alter} SET DEFAULT {column.default}", _about(table), "default")

    def constraints(self, kinds: str) -> Iterator[Statement]:
        for constraint in self.image.constraints:
            table = self.image.relations[constraint.relation]
            if constraint.kind not in kinds or table.kind not in "rp" or (constraint.kind == "f" and constraint.parent):
                continue
            only = "" if constraint.kind == "f" and table.kind == "p" else "ONLY "
            yield Statement(
                f"constraint {constraint.name} of {table.schema}.{table.name}",
                f"ALTER TABLE {only}{qualified(table)} ADD CONSTRAINT {quote(constraint.name)} {constraint.definition}",
                _about(table),
                "foreign key" if constraint.kind == "f" else "constraint",
            )

    def indexes(self, kinds: str) -> Iterator[Statement]:
        for index in self.image.indexes.values():
            table = self.image.relations[index.relation]
            if table.kind in kinds and index.valid and not index.constraint:
                drop = f"DROP INDEX {qualified(self.image.relations[index.oid])}"
                yield Statement(_index_name(self.image, index), index.definition, _about(table), "index", drop)

    def attachments(self) -> Iterator[Statement]:
        for table in self.tables:
            for oid in table.parents:
                parent = self.image.relations.get(oid)
                if parent is None:
                    continue
                if table.bound:
                    sql = f"ALTER TABLE ONLY {qualified(parent)} ATTACH PARTITION {qualified(table)} {table.bound}"
                else:
                    sql = f"ALTER TABLE ONLY {qualified(table)} INHERIT {qualified(parent)}"
                yield Statement(f"inheritance of {table.schema}.{table.name}", sql, _about(table), "attachment")

    def views(self) -> Iterator[Statement]:
        for view in self.image.relations.values():
            if view.kind not in "vm" or not view.view:
                continue
            body = view.view.rstrip().rstrip(";")
            options = _options(tuple(o for o in view.options if not o.startswith("check_option=")))
            if view.kind == "v":
                sql = f"CREATE VIEW {qualified(view)}{options} AS {body}"
            else:
                sql = f"CREATE MATERIALIZED VIEW {qualified(view)}{options} AS {body} WITH NO DATA"
            yield Statement(called("view", view.schema, view.name), sql)


def _about(relation: Relation) -> tuple[str, str]:
    return relation.schema, relation.name


def _placeholder(number: int) -> str:
    return f"........pg.dropped.{number}........"


def _options(options: tuple[str, ...]) -> str:
    pairs = (option.split("=", 1) for option in options if "=" in option)
    text = ", ".join(f"{quote(name)} = {literal(value)}" for name, value in pairs)
    return f" WITH ({text})" if text else ""


def _index_name(image: Image, index: Index) -> str:
    relation = image.relations[index.oid]
    return called("index", relation.schema, relation.name)
