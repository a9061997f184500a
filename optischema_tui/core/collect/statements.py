"""The counters of pg_stat_statements, by the columns that the server really has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from optischema_tui.core.collect.samples import ROWS_AT_A_TIME, Samples
from optischema_tui.core.collect.strata import Part
from optischema_tui.core.models import StatementKey, StatementSample, Totals, quote
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.sql import load

PACKAGE = "optischema_tui.core.collect"

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
_SUMS = {
    "local_blk_io_time": ("local_blk_read_time", "local_blk_write_time"),
    "temp_blk_io_time": ("temp_blk_read_time", "temp_blk_write_time"),
    "jit_time": (
        "jit_generation_time", "jit_inlining_time", "jit_optimization_time", "jit_emission_time", "jit_deform_time",
    ),
}  # fmt: skip
"""Our field, and the columns that it is the sum of, as far as they are there."""
_MOMENTS = ("stats_since", "minmax_stats_since")
_SELDOM_ZERO = frozenset(
    ("calls", "rows", "total_exec_time", "mean_exec_time", "min_exec_time", "max_exec_time", "shared_blks_hit")
)
_COUNTERS = tuple(field for field in fields(StatementSample) if field.name != "key")
_WIDTH = len(_COUNTERS) + 4
_CALLS, _TIME = (4 + [each.name for each in _COUNTERS].index(name) for name in ("calls", "total_exec_time"))


@dataclass(frozen=True, slots=True)
class Counters:
    samples: tuple[StatementSample, ...]
    """All that are known."""
    unreadable: int
    """Rows without a queryid: the role may not see them."""
    totals: Totals
    read_before: dict[StatementKey, float] = field(default_factory=dict)
    """As in Snapshot."""


@lru_cache(maxsize=8)
def _columns(have: frozenset[str]) -> str:
    """The select list: the key, then the counters in the order of StatementSample's fields.

    A counter that is most often 0 comes as NULL then, which costs a third of a zero to send; so does one that the
    server lacks.
    """
    chosen = ["s.userid", "s.dbid", "s.queryid", "s.toplevel" if "toplevel" in have else "true"]
    for counter in _COUNTERS:
        kind = "int8" if counter.type == "int" else "float8"
        name = next((name for name in _NAMES.get(counter.name, (counter.name,)) if name in have), "")
        parts = [f"s.{part}" for part in _SUMS.get(counter.name, ()) if part in have]
        if counter.name in _MOMENTS and name:
            chosen.append(f"pg_catalog.date_part('epoch', s.{name})")
        elif name and counter.name in _SELDOM_ZERO:
            chosen.append(f"s.{name}::{kind}")
        elif parts or name:
            chosen.append(f"NULLIF({' + '.join(parts) or f's.{name}::{kind}'}, 0)")
        else:
            chosen.append(f"NULL::{kind}")
    return ", ".join(chosen)


def statements_query(capabilities: Capabilities) -> str:
    """The SQL for all statements, each with its signature at the end."""
    return _filled("statements", capabilities)


def changed_query(capabilities: Capabilities) -> str:
    """The SQL for those with another signature than before, with the sums over all of them at each row's end."""
    return _filled("statements_changed", capabilities)


def part_query(capabilities: Capabilities) -> str:
    """The SQL for a part of the statements, with the sums over all of them at each row's end."""
    return _filled("statements_part", capabilities)


def _filled(name: str, capabilities: Capabilities) -> str:
    have = capabilities.statement_columns
    kinds = ["oid", "oid", "int8", "bool", *("int8" if each.type == "int" else "float8" for each in _COUNTERS)]
    if name != "statements_part":
        kinds.append("int8")
    time = "total_exec_time" if "total_exec_time" in have else "total_time"
    toplevel = "s.toplevel" if "toplevel" in have else "true"
    # No call leaves all of these as they were. XOR, since sums could overflow.
    counted = "s.calls # (s.plans << 32)" if "plans" in have else "s.calls"
    key = f"s.queryid # (s.userid::int8 << 32) # s.dbid::int8 # {toplevel}::int4::int8"
    signature = f"pg_catalog.hashfloat8extended(s.{time}, pg_catalog.hashint8extended({counted}, {key}))"
    return (
        fill(load(PACKAGE, name), capabilities)
        .replace("{columns}", _columns(have))
        .replace("{signature}", signature)
        .replace("{time}", time)
        .replace("{toplevel}", toplevel)
        .replace("{names}", ", ".join(f"c{number} {kind}" for number, kind in enumerate(kinds)))
    )


async def read_counters(
    observer: Observer,
    capabilities: Capabilities,
    samples: Samples | None = None,
    part: Part | None = None,
    *,
    dbid: int = 0,
    server_clock: float = 0.0,
    anew: bool = True,
) -> Counters:
    """Statements of every database of the cluster: all rows, or a `part` of them, the others as they were last.

    `samples` is kept from one reading to the next. Unless it is to be read `anew`, only those that changed since the
    last reading are sent, where they are not too many. `dbid`: which database is `here` in the totals. `server_clock`:
    when this reading is. Raises what `Observer.fetch` raises.
    """
    samples = samples if samples is not None else Samples()
    if part is not None:
        arguments = (part.strata - 1, part.stratum, part.least_time, list(part.queryids), dbid)
        some, totals, unreadable = _divided(await observer.fetch(part_query(capabilities), *arguments), _WIDTH)
        found = await samples.read_part(some, part, server_clock)
        return Counters(found, unreadable, totals, samples.read_before)
    if not anew and (signatures := samples.signatures()) is not None:
        rows = await observer.fetch(changed_query(capabilities), signatures, dbid)
        some, totals, unreadable = _divided(rows, _WIDTH + 1)
        changed = await samples.read_changed(some, totals.statements - unreadable, server_clock)
        if changed is not None:
            return Counters(changed, unreadable, totals)
    rows = await observer.fetch(statements_query(capabilities))
    found = await samples.read(rows, server_clock)
    return Counters(found, len(rows) - len(found), await _sum(rows, dbid))


def _divided(rows: Sequence[Any], width: int) -> tuple[list[Any], Totals, int]:
    """(the rows themselves, `width` columns each; the sums at their end; how many rows may not be read)."""
    *sums, unreadable = (value or 0 for value in rows[0][width:])
    return [row[:width] for row in rows] if rows[0][2] is not None else [], Totals(*sums), unreadable


async def _sum(rows: Sequence[Any], dbid: int) -> Totals:
    """Of all rows, also of those whose statement this role may not see: their counters are there all the same."""
    calls = calls_here = 0
    time = time_here = 0.0
    for start in range(0, len(rows), 2 * ROWS_AT_A_TIME):
        for row in rows[start : start + 2 * ROWS_AT_A_TIME]:
            calls += row[_CALLS] or 0
            if row[3]:
                time += row[_TIME] or 0.0
                if row[1] == dbid:
                    calls_here += row[_CALLS] or 0
                    time_here += row[_TIME] or 0.0
        await asyncio.sleep(0)
    return Totals(len(rows), calls, time, calls_here, time_here)


def fill(sql: str, capabilities: Capabilities) -> str:
    """`sql` with the schema of the extension."""
    return sql.replace("{schema}", quote(capabilities.extension_schema))
