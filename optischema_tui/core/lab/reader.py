"""Reads a target's catalog into an Image. Of tables' rows it reads the ends of indexed columns only (see repair)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.heights import SESSION as HEIGHTS_SESSION
from optischema_tui.core.lab.heights import ask_heights
from optischema_tui.core.lab.image import (
    BLOCK_SIZE,
    Column,
    ColumnStatistics,
    Constraint,
    Extended,
    ExtendedData,
    Extension,
    Function,
    Image,
    Index,
    Relation,
    Server,
    TypeInfo,
)
from optischema_tui.core.lab.repair import repair
from optischema_tui.core.lab.role_settings import Settings, read_settings
from optischema_tui.core.lab.size_model import Fields
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    from psycopg import Connection

PACKAGE = "optischema_tui.core.lab"
GRANT = "GRANT SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data TO {role}"
OLDEST = 130000
LOCK_TRIES = 3
LANGUAGES = ("sql", "plpgsql")

_SESSION = {
    "search_path": "pg_catalog",
    "lock_timeout": "500ms",
    "statement_timeout": "20s",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
    **HEIGHTS_SESSION,
}

Row = Mapping[str, Any]


class _Source:
    """Runs this room's queries on one connection; `version` picks their variant."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self.version = connection.info.server_version

    def rows(self, name: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """The query's rows. Deparsing takes ACCESS SHARE for a moment: LabError when a lock stays in its way."""
        from psycopg.errors import LockNotAvailable
        from psycopg.rows import dict_row

        query = load(PACKAGE, name, self.version).encode()
        for _ in range(LOCK_TRIES):
            try:
                with self.connection.cursor(row_factory=dict_row) as cursor:
                    return list(cursor.execute(query, params).fetchall())
            except LockNotAvailable:
                if not self.connection.autocommit:
                    raise
        raise self.locked_out()

    def locked_out(self) -> LabError:
        holders = ", ".join(f"{row['relation']} (pid {row['pid']})" for row in self.rows("locked"))
        return LabError(
            "The schema could not be read: a table is locked",
            f"ACCESS EXCLUSIVE locks are held on: {one_line(holders, 300)}" if holders else "",
            "Try again when that work is done",
        )


def read_image(connection: Connection[Any], *, role: str = "", rows: bool = True) -> Image:
    """The image of the connected database. The connection should be in autocommit: no lock then outlives a statement.

    `role` is whose planner settings and search path the lab gets: the role that runs the statements; this session's
    path follows its own. Without it they are those of this session. `rows`: the smallest and largest values of
    indexed columns may be looked up, where the role has SELECT; nothing else of any row is read. Reads with the rights
    of the connected role; the session's own settings are put back at the end. Raises LabError when the server is too
    old or no statistics can be read, and lets the driver's errors pass.
    """
    from psycopg.errors import CharacterNotInRepertoire, UntranslatableCharacter

    source = _Source(connection)
    if source.version < OLDEST:
        raise LabError(
            f"The lab reads PostgreSQL 13 and newer, this server is {source.version // 10000}",
            todo="Upgrade the server: its version gets no more security fixes",
        )
    try:
        settings = read_settings(source.rows, role)
        operator_cost = float(source.rows("session_now", {"names": ["cpu_operator_cost"]})[0]["value"])
        server = source.rows("server")[0]
        with _reading_session(source):
            image = _Reader(source, server, settings, operator_cost).read()
            return repair(connection, image, allowed=rows)
    except (UnicodeDecodeError, CharacterNotInRepertoire, UntranslatableCharacter) as error:
        raise LabError(
            "The catalog of this database holds text that is not in its declared encoding", one_line(str(error), 200)
        ) from error


@contextmanager
def _reading_session(source: _Source) -> Iterator[None]:
    before = {row["name"]: row["value"] for row in source.rows("session_now", {"names": list(_SESSION)})}
    _set(source, {**_SESSION, **dict.fromkeys(HEIGHTS_SESSION, "on")})  # the catalog's own queries want good plans
    try:
        yield
        now = {row["name"]: row["value"] for row in source.rows("session_now", {"names": list(_SESSION)})}
        if now["search_path"] != _SESSION["search_path"]:
            raise LabError(
                "The schema was not read reliably",
                "Settings of the session did not last: a connection pooler in transaction mode stands between",
                "Connect to the server itself",
            )
    finally:
        if not source.connection.closed:
            _set(source, before)


def _set(source: _Source, settings: Mapping[str, str]) -> None:
    source.rows("session", {"names": list(settings), "values": list(settings.values())})


class _Reader:
    """One pass over one database's catalog."""

    def __init__(self, source: _Source, server: Row, settings: Settings, operator_cost: float) -> None:
        self.source = source
        self.row = server
        self.settings = settings
        self.operator_cost = operator_cost
        """cpu_operator_cost of the reading session, with which it plans."""
        self.not_read: list[str] = list(settings.notes)

    def read(self) -> Image:
        if self.row["block_size"] != BLOCK_SIZE:
            raise LabError(
                f"This server has blocks of {self.row['block_size']} bytes", f"The lab models {BLOCK_SIZE} only"
            )
        relations = self.relations()
        statistics = self.statistics(relations)
        types = tuple(map(_type_info, self.source.rows("types")))
        constraints = tuple(_record(Constraint, row) for row in self.source.rows("constraints"))
        indexes = self.indexes(relations, statistics)
        self.not_read += [f"{row['what']}: kind not carried over" for row in self.source.rows("foreign_ground")]
        return Image(
            server=self.server(),
            schemas=tuple(row["name"] for row in self.source.rows("schemas")),
            extensions=tuple(
                Extension(row["name"], row["schema"], row["version"]) for row in self.source.rows("extensions")
            ),
            types=types,
            collations=tuple((row["schema"], row["name"]) for row in self.source.rows("collations")),
            functions=self.functions(),
            relations=relations,
            constraints=tuple(c for c in constraints if c.relation in relations),
            indexes=indexes,
            statistics=statistics,
            extended=self.extended(relations),
            not_read=tuple(self.not_read),
        )

    def server(self) -> Server:
        row = self.row
        return Server(
            version_num=row["version_num"],
            version=row["version"],
            database=row["database"],
            encoding=row["encoding"],
            collate=row["collate"],
            ctype=row["ctype"],
            provider=row["provider"],
            # Applications also set their path on connecting, where no catalog tells it: ours is looked through last.
            search_path=tuple(dict.fromkeys((*(self.settings.path or ()), *row["search_path"]))),
            settings=tuple(self.settings.values.items()),
            role=row["role"],
            statistics_source="pg_statistic" if row["statistics_readable"] else "pg_stats",
        )

    def relations(self) -> dict[int, Relation]:
        columns: dict[int, list[Column]] = defaultdict(list)
        for row in self.source.rows("columns"):
            columns[row["relation"]].append(_column(row))
        sizes = self.sizes()
        found: dict[int, Relation] = {}
        for row in self.source.rows("relations"):
            pages = max(0, row["pages"])
            relation = Relation(
                oid=row["oid"],
                schema=row["schema"],
                name=row["name"],
                kind=row["kind"],
                options=tuple(row["options"]),
                pages=row["pages"],
                rows=self.tuples(row),
                all_visible=row["all_visible"],
                size_bytes=sizes.get(row["oid"], pages * BLOCK_SIZE) if row["kind"] in "rmi" else 0,
                row_security=row["row_security"],
                partition_key=row["partition_key"] or "",
                bound=row["bound"],
                parents=tuple(row["parents"]),
                inserts=row["inserts"],
                updates=row["updates"],
                hot_updates=row["hot_updates"],
                deletes=row["deletes"],
                modified=row["modified"],
                scans=row["scans"],
                columns=tuple(columns[row["oid"]]),
            )
            if relation.kind in "vm":
                relation = replace(relation, view=self.view(relation))
            if relation.kind == "f":
                self.not_read.append(f"foreign table {relation.schema}.{relation.name}: it has no local size or plan")
            if relation.row_security:
                self.not_read.append(f"row security policies of {relation.schema}.{relation.name}: plans ignore them")
            found[relation.oid] = relation
        return found

    def tuples(self, row: Row) -> float:
        """reltuples; before version 14 a table that was never analyzed has 0 pages and 0 rows instead of -1."""
        rows = float(row["rows"])
        never = self.source.version < 140000 and rows == 0 and row["pages"] == 0 and row["kind"] in "rpm"
        return -1.0 if never else rows

    def sizes(self) -> dict[int, int]:
        return {row["oid"]: row["size_bytes"] for row in self.source.rows("sizes")}

    def view(self, relation: Relation) -> str:
        rows = self.source.rows("view", {"oid": relation.oid})
        if not rows[0]["definition"]:
            self.not_read.append(f"view {relation.schema}.{relation.name}: its definition could not be read")
            return ""
        return str(rows[0]["definition"])

    def indexes(self, relations: Mapping[int, Relation], statistics: tuple[ColumnStatistics, ...]) -> dict[int, Index]:
        found = [_index(row) for row in self.source.rows("indexes")]
        mine = [index for index in found if index.relation in relations and index.oid in relations]
        fields = Fields(relations, statistics)
        _set(self.source, HEIGHTS_SESSION)
        return ask_heights(self.source.connection, relations, mine, fields, self.operator_cost)

    def functions(self) -> tuple[Function, ...]:
        found = tuple(_record(Function, row) for row in self.source.rows("functions"))
        for function in found:
            if function.language not in LANGUAGES:
                self.not_read.append(
                    f"function {function.schema}.{function.name}: the lab does not run the language {function.language}"
                )
        return found

    def statistics(self, relations: Mapping[int, Relation]) -> tuple[ColumnStatistics, ...]:
        if self.row["statistics_readable"]:
            rows = [_raw_statistics(row) for row in self.source.rows("statistics")]
        else:
            rows = [_visible_statistics(row) for row in self.source.rows("visible_statistics")]
            self.explain_hidden(relations, {row.relation for row in rows})
        return tuple(row for row in rows if row.relation in relations)

    def explain_hidden(self, relations: Mapping[int, Relation], seen: set[int]) -> None:
        """Say what pg_stats kept back. Raises LabError when that is everything."""
        analyzed = [r for r in relations.values() if r.kind in "rm" and r.rows > 0]
        hidden = [r for r in analyzed if r.oid not in seen]
        grant = GRANT.format(role='"' + str(self.row["role"]).replace('"', '""') + '"')
        if analyzed and len(hidden) == len(analyzed):
            raise LabError(
                f"The role {self.row['role']} may not read this database's planner statistics",
                "Without them every cost in the lab would be wrong by orders of magnitude",
                f"As a superuser, in this database, run: {grant};",
            )
        if hidden:
            names = ", ".join(f"{r.schema}.{r.name}" for r in hidden[:5]) + (" ..." if len(hidden) > 5 else "")
            self.not_read.append(
                f"statistics of {len(hidden)} tables ({names}): not readable, costs are guesses; {grant}"
            )

    def extended(self, relations: Mapping[int, Relation]) -> tuple[Extended, ...]:
        objects = [row for row in self.source.rows("extended") if row["relation"] in relations]
        data: dict[int, list[ExtendedData]] = defaultdict(list)
        if objects and self.row["extended_readable"]:
            expressions: dict[tuple[int, bool], list[ColumnStatistics]] = defaultdict(list)
            if self.source.version >= 140000:
                for row in self.source.rows("extended_expressions"):
                    raw = _raw_statistics({**_without(row, "oid"), "relation": 0, "column": ""})
                    expressions[row["oid"], row["inherited"]].append(raw)
            for row in self.source.rows("extended_data"):
                known = tuple(expressions[row["oid"], row["inherited"]])
                data[row["oid"]].append(_record(ExtendedData, {**_without(row, "oid"), "expressions": known}))
        elif objects:
            self.not_read.append(
                f"contents of {len(objects)} extended statistics: SELECT on pg_statistic_ext_data is missing"
            )
        return tuple(
            Extended(
                oid=row["oid"],
                schema=row["schema"],
                name=row["name"],
                relation=row["relation"],
                definition=row["definition"],
                expressions=tuple(row["expressions"]),
                data=tuple(data[row["oid"]]),
            )
            for row in objects
        )


def _record(kind: type[Any], row: Row) -> Any:
    """A dataclass whose fields have the names of the row's columns."""
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})


def _without(row: Row, name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _type_info(row: Row) -> TypeInfo:
    info: TypeInfo = _record(TypeInfo, row)
    return info


def _column(row: Row) -> Column:
    values = _without(row, "relation")
    column: Column = _record(Column, {**values, "virtual": values["virtual"] or "", "default": values["default"] or ""})
    return column


def _index(row: Row) -> Index:
    plain = {name: value for name, value in row.items() if not name.startswith("is_")}
    index: Index = _record(
        Index,
        {
            **plain,
            "unique": row["is_unique"],
            "primary": row["is_primary"],
            "valid": row["is_valid"],
            "constraint": row["is_constraint"],
            "clustered": row["is_clustered"],
        },
    )
    return index


def _visible_statistics(row: Row) -> ColumnStatistics:
    texts = {name: None if row[name] is None else str(row[name]) for name in ("correlation", "range_empty_frac")}
    statistics: ColumnStatistics = _record(ColumnStatistics, {**row, **texts})
    return statistics


def _raw_statistics(row: Row) -> ColumnStatistics:
    """Sort the five slots of a pg_statistic row by their kinds; kinds of extensions (100 and more) are left out."""
    slots: dict[str, str | None] = {}
    for kind, numbers, values in zip(row["kinds"], row["numbers"], row["slots"], strict=True):
        match kind:
            case 1:
                slots |= {"common_values": values, "common_freqs": numbers}
            case 2:
                slots |= {"histogram": values}
            case 3:
                slots |= {"correlation": _single(numbers)}
            case 4:
                slots |= {"common_elements": values, "common_element_freqs": numbers}
            case 5:
                slots |= {"element_counts": numbers}
            case 6:
                slots |= {"range_lengths": values, "range_empty_frac": _single(numbers)}
            case 7:
                slots |= {"range_bounds": values}
    return ColumnStatistics(
        relation=row["relation"],
        number=row["number"],
        column=row["column"],
        inherited=row["inherited"],
        null_frac=row["null_frac"],
        width=row["width"],
        n_distinct=row["n_distinct"],
        **slots,
    )


def _single(numbers: str | None) -> str | None:
    """The number of a one-element array text."""
    return None if numbers is None else numbers.strip("{}").split(",")[0]
