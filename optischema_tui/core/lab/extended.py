"""Puts extended statistics into the lab's catalog. Version 18 has no function for them: a superuser writes the rows."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.lab.ddl import Statement, literal, qualified
from optischema_tui.core.lab.image import Extended, ExtendedData, Image, TypeInfo
from optischema_tui.core.lab.load import Failure, run_once
from optischema_tui.core.lab.statistics import column_sql
from optischema_tui.core.models import quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

FIRST_USER_OID = 16384
_MCV_MAGIC = 0xE1A651C2
_CASTS = ("pg_ndistinct", "pg_dependencies", "pg_mcv_list")
_SCRATCH = "expressions"


@dataclass(frozen=True, slots=True)
class Oids:
    """Target OIDs of user types and enum labels, as the lab numbers them."""

    types: Mapping[int, int]
    labels: Mapping[int, int]
    infos: Mapping[int, TypeInfo]

    def enum_of(self, oid: int) -> TypeInfo | None:
        """The enum that the type is, or that its domain stands on."""
        info = self.infos.get(oid)
        while info is not None and info.kind == "d":
            info = self.infos.get(info.base_oid)
        return info if info is not None and info.kind == "e" else None

    def element_of(self, oid: int) -> int | None:
        """The element type of the array that the type is, or that its domain stands on."""
        info = self.infos.get(oid)
        while info is not None and info.kind == "d":
            info = self.infos.get(info.base_oid)
        return info.element if info is not None and info.is_array else None


def load_extended(
    admin: Connection[Any],
    builder: Connection[Any],
    image: Image,
    *,
    scratch: str,
    only: Collection[tuple[str, str]] | None = None,
) -> list[Failure]:
    """Load the contents of every extended statistics object that exists in the lab, or of `only` those of these names.

    They must have none yet. Returns what was left out. `scratch` is a schema of the lab's own, where both roles may
    create.
    """
    wanted = [each for each in image.extended if each.data and (only is None or (each.schema, each.name) in only)]
    if not wanted:
        return []
    for kind in _CASTS:
        admin.execute(f"CREATE CAST (bytea AS {kind}) WITHOUT FUNCTION".encode())
    oids = _map_oids(admin, image)
    failures: list[Failure] = []
    for extended in wanted:
        for data in extended.data:
            failures += _load_one(admin, builder, image, oids, extended, data, scratch)
    for kind in _CASTS:
        admin.execute(f"DROP CAST (bytea AS {kind})".encode())
    return failures


def _load_one(
    admin: Connection[Any],
    builder: Connection[Any],
    image: Image,
    oids: Oids,
    extended: Extended,
    data: ExtendedData,
    scratch: str,
) -> list[Failure]:
    from psycopg import Error

    what = Statement(f"contents of statistics {extended.schema}.{extended.name}", "", (extended.schema, extended.name))
    mcv, reason = remap_mcv(data.mcv, oids)
    failures = [Failure(what, reason)] if reason else []
    table = f"{quote(scratch)}.{_SCRATCH}"
    expressions = "NULL"
    try:
        if data.expressions and len(data.expressions) == len(extended.expressions):
            failures += _restore_expressions(builder, image, extended, data, scratch)
            expressions = (
                "(SELECT array_agg(s ORDER BY s.staattnum) FROM pg_catalog.pg_statistic s"
                f" WHERE s.starelid = {literal(table)}::regclass)"
            )
        found = admin.execute(
            b"INSERT INTO pg_catalog.pg_statistic_ext_data"
            b" (stxoid, stxdinherit, stxdndistinct, stxddependencies, stxdmcv, stxdexpr)"
            b" SELECT s.oid, %s, %s::bytea::pg_ndistinct, %s::bytea::pg_dependencies, %s::bytea::pg_mcv_list, "
            + expressions.encode()
            + b" FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace"
            b" WHERE n.nspname = %s AND s.stxname = %s",
            (data.inherited, data.ndistinct, data.dependencies, mcv, extended.schema, extended.name),
        )
        if found.rowcount == 0 and not failures:
            failures.append(Failure(what, "the object does not exist in the lab"))
    except Error as error:
        if admin.closed or builder.closed:
            raise
        failures.append(Failure(what, one_line(error.diag.message_primary or str(error), 160)))
    finally:
        if expressions != "NULL" and not builder.closed:
            builder.execute(f"DROP TABLE IF EXISTS {table}".encode())
    return failures


def _restore_expressions(
    builder: Connection[Any], image: Image, extended: Extended, data: ExtendedData, scratch: str
) -> list[Failure]:
    columns = ", ".join(f"({text}) AS c{number}" for number, text in enumerate(extended.expressions, 1))
    source = qualified(image.relations[extended.relation])
    what, about = f"contents of statistics {extended.schema}.{extended.name}", (extended.schema, extended.name)
    create = f"CREATE TABLE {quote(scratch)}.{_SCRATCH} AS SELECT {columns} FROM {source} WITH NO DATA"
    rows = [replace(row, column=f"c{row.number}", inherited=False) for row in data.expressions]
    restore = [Statement(what, column_sql(scratch, _SCRATCH, row, by_number=False), about) for row in rows]
    return run_once(builder, [Statement(what, create, about)]) or run_once(builder, restore)


def remap_mcv(mcv: bytes | None, oids: Oids) -> tuple[bytes | None, str]:
    """Serialized MCV list with the lab's OIDs in it, and why it was left out when it was (then None)."""
    if mcv is None:
        return None, ""
    magic, _, _, dimensions = struct.unpack_from("<IIIh", mcv, 0)
    if magic != _MCV_MAGIC:
        return None, "its list of common values has an unknown format"
    out = bytearray(mcv)
    kinds = struct.unpack_from(f"<{dimensions}I", mcv, 14)
    heads = 14 + 4 * dimensions
    position = heads + 20 * dimensions
    for number, kind in enumerate(kinds):
        values, size, _, width, by_value = struct.unpack_from("<iiii?", mcv, heads + 20 * number)
        if kind >= FIRST_USER_OID:
            if kind not in oids.types or not _movable(oids, kind):
                return None, "its list of common values has a type that cannot be carried over"
            struct.pack_into("<I", out, 14 + 4 * number, oids.types[kind])
            if oids.enum_of(kind) is not None:
                if width != 4 or not by_value:
                    return None, "its list of common values has an unknown format"
                for at in range(position, position + 4 * values, 4):
                    label = struct.unpack_from("<I", mcv, at)[0]
                    if label not in oids.labels:
                        return None, "its list of common values has an unknown enum label"
                    struct.pack_into("<I", out, at, oids.labels[label])
            elif oids.element_of(kind) is not None and not _remap_arrays(out, position, position + size, oids):
                return None, "its list of common values has an unknown enum label"
        position += size
    return bytes(out), ""


def _remap_arrays(out: bytearray, begin: int, end: int, oids: Oids) -> bool:
    """Put the lab's OIDs into serialized arrays (mcv.c: a length, then the array without its varlena header)."""
    at = begin
    while at < end:
        (length,) = struct.unpack_from("<I", out, at)
        at += 4
        dimensions, offset, element = struct.unpack_from("<iiI", out, at)
        struct.pack_into("<I", out, at + 8, oids.types.get(element, element))
        if oids.enum_of(element) is not None:
            # ARR_DATA_OFFSET counts from the header that is not here
            first = at + (offset or (16 + 8 * dimensions + 7) // 8 * 8) - 4
            for place in range(first, at + length, 4):
                label = struct.unpack_from("<I", out, place)[0]
                if label not in oids.labels:
                    return False
                struct.pack_into("<I", out, place, oids.labels[label])
        at += length
    return True


def _movable(oids: Oids, kind: int) -> bool:
    """Values of the type hold no OIDs themselves, or only enum labels, or arrays of such. Composites hold others."""
    info = oids.infos.get(kind)
    while info is not None and info.kind == "d":
        if info.base_oid < FIRST_USER_OID:
            return True
        info = oids.infos.get(info.base_oid)
    if info is not None and info.is_array:
        return info.element < FIRST_USER_OID or (info.element in oids.types and _movable(oids, info.element))
    return info is not None and info.kind in "eb"


def _map_oids(admin: Connection[Any], image: Image) -> Oids:
    types = {
        (schema, name): oid
        for schema, name, oid in admin.execute(
            b"SELECT n.nspname::text, t.typname::text, t.oid FROM pg_catalog.pg_type t"
            b" JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid >= 16384"
        )
    }
    labels = {
        (kind, label): oid
        for kind, label, oid in admin.execute(b"SELECT enumtypid, enumlabel::text, oid FROM pg_catalog.pg_enum")
    }
    type_map = {info.oid: types[info.schema, info.name] for info in image.types if (info.schema, info.name) in types}
    label_map = {
        oid: labels[type_map[info.oid], label]
        for info in image.types
        if info.kind == "e" and info.oid in type_map
        for oid, label in zip(info.label_oids, info.labels, strict=True)
        if (type_map[info.oid], label) in labels
    }
    return Oids(type_map, label_map, {info.oid: info for info in image.types})
