"""HypoPG on a server as a planner: the common evaluator of the benchmarks, and a second opinion beside the lab."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.errors import LabError, MissingPart, PlanFailed, ServerLost
from optischema_tui.core.models import IndexSpec, quote
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.explain import check_plannable
from optischema_tui.core.target.planable import highest_parameter, planable
from optischema_tui.core.target.sql import MARK, load
from optischema_tui.core.workload.plan import PlanNode, parse_plan

if TYPE_CHECKING:
    import psycopg

_PACKAGE = "optischema_tui.core.target"
_HIDING = (1, 4)
"""The first version of HypoPG that can hide a real index."""
_OWN_OIDS = 2000
"""Above this many at a time HypoPG must draw OIDs from the server: its own pool holds about 2,500."""
_BATCH = 500
_KNOWN_TEXTS = 4096
_DEFINITION = "optischema"
"""The name in the definitions; HypoPG makes its own."""


@dataclass(frozen=True, slots=True)
class _Present:
    oid: int
    name: str


class HypoPlanner:
    """A `Planner` over one session of a server that has the extension hypopg; the indexes live in that session only.

    The session must be in autocommit mode; nothing else may use HypoPG in it. One thread at a time.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Raises MissingPart when the database has no hypopg."""
        self._connection = connection
        row = connection.execute(load(_PACKAGE, "hypopg_extension")).fetchone()
        if row is None:
            raise MissingPart(
                "The database has no HypoPG",
                "A second opinion needs the extension hypopg",
                "CREATE EXTENSION hypopg, or rely on the lab",
            )
        self._schema = quote(row[0])
        self.version = str(row[1])
        numbers = [int(part) for part in self.version.split(".") if part.isdigit()]
        self.hides = tuple(numbers[:2]) >= _HIDING
        """Whether plans `without` real indexes are possible."""
        partitioned = connection.execute(load(_PACKAGE, "hypopg_partitioned")).fetchall()
        self._partitioned = frozenset((str(schema), str(name)) for schema, name in partitioned)
        self._calls = 0
        self._ready: dict[str, bytes] = {}
        self._known: dict[IndexSpec, WhatIf] = {}
        self._present: dict[str, _Present] = {}
        """What-if name -> the hypothetical index that is there now."""
        self._hidden: frozenset[IndexName] = frozenset()
        self._real_oids = False
        self._run(self._sql("reset"))

    @property
    def calls(self) -> int:
        return self._calls

    @property
    def name(self) -> str:
        return f"HypoPG {self.version}, PostgreSQL {self._connection.info.server_version // 10000}"

    def add(self, spec: IndexSpec) -> WhatIf:
        """Make `spec` known. Raises LabError when HypoPG cannot model it (GIN, GiST, partitioned tables, ...)."""
        made = self.add_many([spec])[0]
        if isinstance(made, LabError):
            raise made
        return made

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        """`add` for each, many in one statement; in place of an index that cannot be modelled, its error."""
        errors: dict[IndexSpec, LabError] = {}
        new = [spec for spec in dict.fromkeys(specs) if spec not in self._known]
        for spec in new:
            if (spec.schema, spec.table) in self._partitioned:
                errors[spec] = LabError("HypoPG cannot model an index on a partitioned table")
        new = [spec for spec in new if spec not in errors]
        for start in range(0, len(new), _BATCH):
            self._learn(new[start : start + _BATCH], errors)
        return [self._known.get(spec) or errors[spec] for spec in specs]

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        """The plan of one statement with exactly `indexes` beside the real ones, less those named in `without`.

        Raises PlanFailed (also for `$n` before PostgreSQL 16), LabError for `without` before HypoPG 1.4.
        """
        command = self._ready.get(sql) or self._prepare(sql)
        names = {index.name: index for index in indexes}
        before = [*self._hide(frozenset(without)), *self._drop(names)]
        missing = [index for name, index in sorted(names.items()) if name not in self._present]
        self._calls += 1
        try:
            if missing:
                self._create(before, missing)
                before = []
            rows = self._run(b";\n".join([*before, command]))
        except LabError:
            self._forget()
            raise
        if not rows:
            raise PlanFailed("The server cannot plan the statement", "EXPLAIN gave no answer")
        document = rows[0][0]
        plan = parse_plan(json.loads(document) if isinstance(document, str) else document)
        return self._renamed(plan, {there.name: name for name, there in self._present.items()})

    def close(self) -> None:
        """Remove the hypothetical indexes from the session, which stays open."""
        self._forget()

    def _learn(self, specs: Sequence[IndexSpec], errors: dict[IndexSpec, LabError]) -> None:
        """Sizes of `specs`, together where the server takes them all, else one by one."""
        self._forget()
        try:
            rows = self._created([_definition(spec) for spec in specs])
        except PlanFailed as error:
            self._forget()
            if len(specs) == 1:
                errors[specs[0]] = LabError("HypoPG cannot model this index", *error.parts[1:])
                return
            half = len(specs) // 2
            self._learn(specs[:half], errors)
            self._learn(specs[half:], errors)
            return
        for place, spec in enumerate(specs):
            if place in rows:
                self._known[spec] = WhatIf(spec, f"hypopg_{len(self._known)}", rows[place][1])
            else:
                errors[spec] = LabError("HypoPG cannot model this index", "It made nothing of the definition")
        self._forget()

    def _create(self, before: Sequence[bytes], missing: Sequence[WhatIf]) -> None:
        made = self._created([_definition(index.spec) for index in missing], before)
        for place, index in enumerate(missing):
            if place not in made:
                raise LabError("HypoPG does not know an index that was added", one_line(index.name))
            self._present[index.name] = made[place][0]

    def _created(self, definitions: Sequence[str], before: Sequence[bytes] = ()) -> dict[int, tuple[_Present, int]]:
        """By place in `definitions`: the hypothetical index made, and its size in bytes. `before` runs first."""
        if not self._real_oids and len(self._present) + len(definitions) > _OWN_OIDS:
            self._forget()
            self._run(b"SET hypopg.use_real_oids = on")
            self._real_oids = True
        rows = self._run(b";\n".join([*before, self._sql("create", definitions=self._array(definitions))]))
        return {row[0] - 1: (_Present(row[1], row[2]), row[3]) for row in rows}

    def _drop(self, wanted: Collection[str]) -> list[bytes]:
        gone = [name for name in self._present if name not in wanted]
        if not gone:
            return []
        oids = [self._present.pop(name).oid for name in gone]
        if not self._present:
            return [self._sql("reset")]
        return [self._sql("drop", oids=self._array(map(str, oids)))]

    def _hide(self, without: frozenset[IndexName]) -> list[bytes]:
        if without and not self.hides:
            raise LabError(
                f"HypoPG {self.version} cannot hide an index that exists", "That came with version 1.4", "Ask the lab"
            )
        if without == self._hidden:
            return []
        parts = [self._sql("unhide")] if self._hidden else []
        names = sorted(without)
        if names:
            schemas = self._array(schema for schema, _ in names)
            parts.append(self._sql("hide", schemas=schemas, names=self._array(name for _, name in names)))
        self._hidden = without
        return parts

    def _forget(self) -> None:
        """Leave no hypothetical index, and none hidden."""
        parts = [self._sql("reset"), *([self._sql("unhide")] if self._hidden else [])]
        self._present.clear()
        self._hidden = frozenset()
        if not self._connection.closed:
            self._run(b";\n".join(parts))

    def _prepare(self, sql: str) -> bytes:
        """The EXPLAIN of `sql`, once the server itself has said that it is one statement: it goes by the simple
        protocol, which would run several."""
        version = self._connection.info.server_version
        text = planable(check_plannable(sql), version)
        parameters = highest_parameter(text)
        if parameters and version < 160000:
            raise PlanFailed(
                "The statement has parameters without values", "HypoPG plans such texts from PostgreSQL 16 on"
            )
        self._parse_alone(text)
        how = "GENERIC_PLAN, VERBOSE, FORMAT JSON" if parameters else "VERBOSE, FORMAT JSON"
        command = f"EXPLAIN {MARK} ({how}) {text}".encode("utf-8", "replace")
        if len(self._ready) >= _KNOWN_TEXTS:
            self._ready.clear()
        self._ready[sql] = command
        return command

    def _parse_alone(self, text: str) -> None:
        import psycopg
        from psycopg import pq

        result = self._connection.pgconn.prepare(b"", text.encode("utf-8", "replace"))
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise self._failed(psycopg.errors.error_from_result(result, "utf-8"))

    def _run(self, command: bytes) -> list[tuple[Any, ...]]:
        """The rows of the last statement in `command`. Raises PlanFailed, ServerLost."""
        import psycopg

        try:
            cursor = self._connection.execute(command, prepare=False)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise self._failed(error) from None

    def _failed(self, error: psycopg.Error) -> PlanFailed | ServerLost:
        why = one_line(error.diag.message_primary or str(error), 300)
        if self._connection.closed:
            return ServerLost("The connection broke while a plan was asked for", why)
        return PlanFailed("The server cannot plan the statement", why)

    def _sql(self, name: str, **values: str) -> bytes:
        return load(_PACKAGE, f"hypopg_{name}").format(hypopg=self._schema, **values).encode("utf-8", "replace")

    def _array(self, values: Iterable[str]) -> str:
        from psycopg import sql

        return sql.Literal(list(values)).as_string(self._connection)

    def _renamed(self, node: PlanNode, names: dict[str, str]) -> PlanNode:
        children = tuple(self._renamed(child, names) for child in node.children)
        return replace(node, index_name=names.get(node.index_name, node.index_name), children=children)


def _definition(spec: IndexSpec) -> str:
    return spec.sql(_DEFINITION, concurrently=False)
