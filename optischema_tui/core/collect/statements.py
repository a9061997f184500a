"""pg_stat_statements, counters and texts apart, by the columns that the server really has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest
from operator import itemgetter
from typing import Any

from optischema_tui.core.models import StatementKey, StatementSample, StatementText, quote
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.sql import load

PACKAGE = "optischema_tui.core.collect"
TEXT_CHARACTERS = 100_000
"""Kept of one text."""
TEXT_BYTES = 8_000_000
"""Fetched in one go; the rest follows in the next ticks."""
TEXT_BATCH = 5_000
TEXT_SECONDS = 15.0
ROWS_AT_A_TIME = 500

_NAMES = {
    "total_exec_time": ("total_exec_time", "total_time"),
    "mean_exec_time": ("mean_exec_time", "mean_time"),
    "min_exec_time": ("min_exec_time", "min_time"),
    "max_exec_time": ("max_exec_time", "max_time"),
    "stddev_exec_time": ("stddev_exec_time", "stddev_time"),
    "blk_read_time": ("shared_blk_read_time", "blk_read_time"),
    "blk_write_time": ("shared_blk_write_time", "blk_write_time"),
}
"""Our field, and what versions of the extension call it, newest first."""
_Values = tuple[Any, ...]
_Known = tuple[_Values, StatementSample | None]
_COUNTERS = tuple(field for field in fields(StatementSample) if field.name != "key")


@dataclass(frozen=True, slots=True)
class Counters:
    samples: tuple[StatementSample, ...]
    unreadable: int
    """Rows without a queryid: the role may not see them."""


def statements_query(capabilities: Capabilities) -> str:
    """The SQL of the counters. A counter that the server lacks is asked for as 0."""
    have = capabilities.statement_columns
    columns = ["s.userid::int8", "s.dbid::int8", "s.queryid", "s.toplevel" if "toplevel" in have else "true"]
    for field in _COUNTERS:
        kind = "int8" if field.type == "int" else "float8"
        name = next((name for name in _NAMES.get(field.name, (field.name,)) if name in have), "")
        columns.append(f"s.{name}::{kind}" if name else f"0::{kind}")
    return _fill(load(PACKAGE, "statements"), capabilities).replace("{columns}", ", ".join(columns))


class Samples:
    """Makes samples of rows. A row that stayed as it was since the last reading gives the very sample of then: most
    statements of a server rest between two ticks, and `changed_samples` then leaves them out."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._by_key: dict[_Values, _Known] = {}
        """The same by key, made when it is needed."""

    async def read(self, rows: Sequence[Any]) -> tuple[StatementSample, ...]:
        """The samples of all rows that have a queryid; they are remembered in place of those before."""
        known: list[_Known] = []
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            some = rows[start : start + ROWS_AT_A_TIME]
            for row, before in zip_longest(some, self._known[start : start + len(some)]):
                known.append(before if before is not None and row == before[0] else self._changed(row, before))
            await asyncio.sleep(0)  # thousands of rows must not hold up what else lives on this loop
        self._known = known
        self._by_key = {}
        return tuple([sample for _, sample in known if sample is not None])

    def _changed(self, row: Any, before: _Known | None) -> _Known:
        """`before` stood at this row's place, which is most often the same: only new and evicted rows shift others."""
        key = row[:4]
        if before is None or before[0][:4] != key:
            if not self._by_key:
                self._by_key = {known[0][:4]: known for known in self._known}
            before = self._by_key.get(key)
            if before is not None and row == before[0]:
                return before
        if key[2] is None:
            return tuple(row), None
        same_key = before[1].key if before is not None and before[1] is not None else StatementKey(*key)
        return tuple(row), StatementSample(same_key, *row[4:])


async def read_counters(observer: Observer, capabilities: Capabilities, samples: Samples | None = None) -> Counters:
    """All rows of pg_stat_statements, of every database of the cluster; `samples` is kept from one reading to the next.

    Raises what `Observer.fetch` raises.
    """
    rows = await observer.fetch(statements_query(capabilities))
    seen = await (samples or Samples()).read(rows)
    return Counters(seen, len(rows) - len(seen))


async def read_texts(
    observer: Observer, capabilities: Capabilities, wanted: Sequence[StatementKey]
) -> tuple[StatementText, ...]:
    """The texts of some of the `wanted` statements, the first of them before all: as many as fit the byte budget.

    It costs the server a read of its whole file of texts, however few are wanted: ask rarely.
    """
    some = wanted[:TEXT_BATCH]
    sql = _fill(load(PACKAGE, "texts"), capabilities).replace(
        "{toplevel}", "s.toplevel" if "toplevel" in capabilities.statement_columns else "true"
    )
    rows = await observer.fetch(
        sql,
        [key.userid for key in some],
        [key.dbid for key in some],
        [key.queryid for key in some],
        TEXT_CHARACTERS,
        TEXT_BYTES,
        timeout=TEXT_SECONDS,
    )
    return tuple(
        StatementText(
            StatementKey(row["userid"], row["dbid"], row["queryid"], row["toplevel"]),
            row["text"] or "",
            bool(row["truncated"]),
            row["role"],
            row["database"] or "",
        )
        for row in rows
    )


def new_keys(samples: Iterable[StatementSample], known: set[StatementKey]) -> list[StatementKey]:
    """Keys whose text is not known yet, the heaviest statement first."""
    fresh = [(sample.total_exec_time, sample.key) for sample in samples if sample.key not in known]
    return [key for _, key in sorted(fresh, key=itemgetter(0), reverse=True)]


def _fill(sql: str, capabilities: Capabilities) -> str:
    return sql.replace("{schema}", quote(capabilities.extension_schema))
