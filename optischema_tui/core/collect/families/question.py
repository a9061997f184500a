"""A family's query, made of what this server really has, and the reading made of its answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from optischema_tui.core.collect.columns import FUNCTIONS, PACKAGE
from optischema_tui.core.collect.family import Source
from optischema_tui.core.models import Reading, quote
from optischema_tui.core.target.sql import MARK, load

Has = Mapping[str, frozenset[str]]

_PART = re.compile(r"\b([a-z]\w*)\.(\w+)")
_NO_RESET = "NULL::timestamptz"


class Kind(Enum):
    """What a value comes as: the type of its NULL, and the cast or change of unit around the server's expression."""

    INT = ("int8", "({})::int8")
    FLOAT = ("float8", "({})::float8")
    TEXT = ("text", "({})::text")
    BOOL = ("bool", "({})::bool")
    TIME = ("float8", "extract(epoch FROM {})::float8")
    """A timestamp, as seconds since 1970; or an interval, as seconds."""
    LSN = ("int8", "pg_catalog.pg_wal_lsn_diff({}, '0/0')::int8")
    """A place in the write-ahead log, in bytes from its beginning."""

    def select(self, expression: str | None) -> str:
        kind, template = self.value
        return f"NULL::{kind}" if expression is None else template.format(expression)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a reading."""

    name: str
    kind: Kind
    sources: tuple[str, ...]
    """SQL expressions, the name of the newest server first. The first is taken of which every part is there: columns of
    the question's views (`alias.column`) and functions (`pg_catalog.pg_stat_get_...`)."""
    begins: bool = False
    """It tells when the row's counters began: when it moves, the whole reading is of a new epoch."""


def column(name: str, kind: Kind, *sources: str) -> Column:
    return Column(name, kind, sources)


def columns(alias: str, kind: Kind, names: str) -> tuple[Column, ...]:
    """Columns that are called as the server calls them, from one view."""
    return tuple(Column(name, kind, (f"{alias}.{name}",)) for name in names.split())


def reset_of(alias: str, name: str = "stats_reset") -> Column:
    """When the counters of one view began."""
    return Column(name, Kind.TIME, (f"{alias}.stats_reset",), begins=True)


@dataclass(frozen=True, slots=True)
class Question:
    """The query of a family. In its file `{columns}` follow `in_all`, the number of rows without the bound."""

    family: str
    columns: tuple[Column, ...]
    views: Mapping[str, str] = field(default_factory=dict)
    """View by the alias that the query gives it."""
    needs: str = ""
    """The view without which there is nothing to read."""
    since: int = 0
    """The major version that brought it."""
    reset: str = _NO_RESET
    """SQL for when the counters began, where it is one moment for all rows."""
    query: str = ""
    """Name of the query's file, where it is not the family's."""

    async def read(self, source: Source, timeout: float) -> Reading:
        """Ask. Raises what `Observer.fetch` raises."""
        problem = self._problem(source)
        if problem:
            return Reading(self.family, source.clock.wall(), source.clock.monotonic(), 0.0, problem=problem)
        sql, lacking = self.compose(source.columns, source.capabilities.server_version_num)
        answer = await source.observer.fetch(sql, timeout=timeout)
        rows = tuple([tuple(row)[3:] for row in answer if row[2] is not None])
        total = max((row[2] or 0 for row in answer), default=0)
        return Reading(
            family=self.family,
            taken_at=source.clock.wall(),
            monotonic=source.clock.monotonic(),
            server_clock=answer[0][0],
            columns=tuple(each.name for each in self.columns),
            rows=rows,
            epoch=self._epoch(source.epoch, answer[0][1], rows),
            left_out=max(0, total - len(rows)),
            lacking=lacking,
        )

    def compose(self, has: Has, version_num: int) -> tuple[str, tuple[str, ...]]:
        """The SQL for a server that has these columns, and the names of our columns that it lacks."""
        chosen, lacking = [], []
        for each in self.columns:
            found = next((one for one in each.sources if self._is_there(one, has)), None)
            if found is None:
                lacking.append(each.name)
            chosen.append(f"{each.kind.select(found)} AS {each.name}")
        body = load(PACKAGE, self.query or self.family, version_num).replace(f"{MARK} ", "", 1)
        body = fitting(body, has).replace("{columns}", ",\n       ".join(chosen))
        reset = self.reset if self._is_there(self.reset, has) else _NO_RESET
        return load(PACKAGE, "reading").replace("{reset}", reset).replace("{body}", body), tuple(lacking)

    def _is_there(self, expression: str, has: Has) -> bool:
        for owner, name in _PART.findall(expression):
            if owner == "pg_catalog":
                if name.startswith("pg_stat_get_") and name not in has.get(FUNCTIONS, ()):
                    return False
            elif owner in self.views and name not in has.get(self.views[owner], ()):
                return False
        return True

    def _problem(self, source: Source) -> str:
        if not self.needs or self.needs in source.columns:
            return ""
        capabilities = source.capabilities
        if capabilities.server_version_num < self.since * 10000:
            return f"{self.needs} comes with PostgreSQL {self.since}; this server is {capabilities.server_version}"
        grant = f"GRANT SELECT ON pg_catalog.{self.needs} TO {quote(capabilities.role)};"
        return f"{self.needs} may not be read. To enable it: {grant}"

    def _epoch(self, epoch: str, reset: float | None, rows: Iterable[tuple[Any, ...]]) -> str:
        places = [place for place, each in enumerate(self.columns) if each.begins]
        latest = [max((row[place] or 0.0 for row in rows), default=0.0) for place in places]
        marks = [reset or 0.0, *latest] if self.reset != _NO_RESET else latest
        return "/".join([epoch, *(f"{mark:.6f}" for mark in marks)])


def fitting(sql: str, has: Has) -> str:
    """`sql` without the blocks whose condition this server does not meet, and without comment lines.

    A block stands between a line `-- if VIEW`, `-- if VIEW.COLUMN` or `-- if not ...` (several joined by ` and `) and a
    line `-- end`.
    """
    kept, keep = [], True
    for line in sql.splitlines():
        bare = line.strip()
        if bare.startswith("-- if "):
            keep = all(_holds(word, has) for word in bare.removeprefix("-- if ").split(" and "))
        elif bare == "-- end":
            keep = True
        elif keep and not bare.startswith("--"):
            kept.append(line)
    return "\n".join(kept)


def _holds(condition: str, has: Has) -> bool:
    if condition.startswith("not "):
        return not _holds(condition.removeprefix("not "), has)
    view, _, name = condition.partition(".")
    return view in has and (not name or name in has[view])
