"""Statistics that ANALYZE has not made: from a bounded sample of a target's rows, where the role may read them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.lab.image import ColumnStatistics
from optischema_tui.core.lab.sample_elements import MOST_ROWS as ELEMENT_ROWS
from optischema_tui.core.lab.sample_elements import elements_sql, kind_of, with_elements
from optischema_tui.core.lab.sample_statistics import Group, Sample, statistics_of
from optischema_tui.core.lab.trust import distrusted, is_scalar
from optischema_tui.core.models import quote
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.driver_arguments import APPLICATION_NAME
from optischema_tui.core.target.session import open_session
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import MARK, load, mark

if TYPE_CHECKING:
    from psycopg import Connection

PACKAGE = "optischema_tui.core.lab"
MOST_PAGES = 2_000
"""Pages read for one sample: 16 MB, whatever the size of the table."""
MOST_ROWS = 30_000
"""Rows evaluated for one sample: as many as ANALYZE takes with the usual statistics target."""
QUERY_MS = 2_000
ALL_SECONDS = 30.0
"""Time that all samples of one sampler may take together."""
USUAL_TARGET = 100
USUAL_DENSITY = 50.0
"""Rows per page assumed for a table that was never analyzed."""
WIDEST = 1024
"""Bytes; wider values are counted, not kept (analyze.c, WIDTH_THRESHOLD)."""

_FORMATS = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "max_parallel_workers_per_gather": "0",
}


@dataclass(frozen=True, slots=True)
class _Table:
    source: str
    """As FROM takes it."""
    pages: float
    density: float
    """Rows per page."""


class TargetSampler:
    """A `Sampler` with a read-only session of its own, opened when it is first needed. Use as a context manager.

    TABLESAMPLE SYSTEM reads whole pages: at most MOST_PAGES of a table, of whose rows at most about MOST_ROWS are
    evaluated; each query ends after QUERY_MS, and all of them after ALL_SECONDS. The same table gives the same sample.
    """

    def __init__(self, spec: TargetSpec, *, clock: Clock = SYSTEM) -> None:
        self.spec = spec
        self.clock = clock
        self.reasons: dict[str, str] = {}
        """Why there are no statistics of a table or an expression (`schema.table`, or its text), in words."""
        self._session: Connection[Any] | None = None
        self._over = False
        self._spent = 0.0
        self._tables: dict[tuple[str, str], _Table | None] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> TargetSampler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session; later questions get no answers. May be called twice."""
        with self._lock:
            self._end()

    def expressions(self, schema: str, table: str, texts: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Statistics of expressions over a table's columns, by their text. What cannot be told is absent."""
        with self._lock:
            found = {text: self._ask(schema, table, text, USUAL_TARGET, trusted=False) for text in texts}
        return {text: row for text, row in found.items() if row is not None}

    def column(self, schema: str, table: str, column: str, target: int) -> ColumnStatistics | None:
        """What ANALYZE with a statistics target of `target` would find, of MOST_ROWS at most and not 300 a target."""
        with self._lock:
            return self._ask(schema, table, quote(column), target, trusted=True)

    def _ask(self, schema: str, table: str, text: str, target: int, *, trusted: bool) -> ColumnStatistics | None:
        import psycopg

        try:
            session = self._open()
            place = self._table(session, schema, table) if session is not None else None
            if session is None or place is None:
                return None
            doubts = [] if trusted else _doubts(session, text)
            if doubts:
                self.reasons[text] = f"it is not evaluated over rows: {', '.join(doubts)}"
                return None
            begun = self.clock.monotonic()
            try:
                return _statistics(session, place, text, target)
            finally:
                self._spent += self.clock.monotonic() - begun
        except OptischemaError as error:
            self._give_up(error.sentence)
        except psycopg.Error as error:
            said = one_line(error.diag.message_primary or str(error), 200)
            self.reasons[text] = said
            if self._session is not None and self._session.closed:
                self._give_up(said)
        return None

    def _open(self) -> Connection[Any] | None:
        if self._spent > ALL_SECONDS:
            self._give_up("the time for sampling is used up")
        if self._session is None and not self._over:
            self._session = open_session(
                self.spec, application_name=f"{APPLICATION_NAME} sampling", statement_timeout_ms=QUERY_MS
            )
            _prepare(self._session)
        return self._session

    def _table(self, session: Connection[Any], schema: str, table: str) -> _Table | None:
        if (schema, table) not in self._tables:
            query = load(PACKAGE, "sample_table", session.info.server_version).encode()
            row = session.execute(query, {"schema": schema, "table": table}).fetchone()
            self._tables[schema, table] = self._sampled(schema, table, row)
        return self._tables[schema, table]

    def _sampled(self, schema: str, table: str, row: tuple[Any, ...] | None) -> _Table | None:
        if row is None or not row[1]:
            self.reasons[f"{schema}.{table}"] = (
                "there is no such table"
                if row is None
                else "this role may not read its rows; GRANT SELECT would let statistics of expressions be sampled"
            )
            return None
        kind, _, pages, density = row
        source = f"{'' if kind == 'p' else 'ONLY '}{quote(schema)}.{quote(table)}"
        return _Table(source, float(pages), float(density or USUAL_DENSITY))

    def _give_up(self, reason: str) -> None:
        self.reasons["sampling"] = reason
        self._end()

    def _end(self) -> None:
        self._over = True
        if self._session is not None:
            with suppress(Exception):
                self._session.close()
            self._session = None


def _prepare(session: Connection[Any]) -> None:
    """Formats of the catalog reader; and the operators of the server itself before any of the same name."""
    path = session.execute(b"SELECT pg_catalog.current_setting('search_path')").fetchone()
    settings = {**_FORMATS, "search_path": f"pg_catalog, {path[0]}" if path and path[0] else "pg_catalog"}
    query = load(PACKAGE, "session", session.info.server_version).encode()
    session.execute(query, {"names": list(settings), "values": list(settings.values())})


def _doubts(session: Connection[Any], text: str) -> list[str]:
    return distrusted(session, text) if is_scalar(text) else ["it is not one expression over a row"]


def _statistics(session: Connection[Any], table: _Table, text: str, target: int) -> ColumnStatistics | None:
    """None for a table without rows."""
    asked = f"SELECT {MARK} pg_catalog.format_type(pg_catalog.pg_typeof(({text})), NULL) FROM {table.source} LIMIT 1"
    typed = session.execute(asked.encode()).fetchone()
    kind = kind_of(typed[0]) if typed else ""
    sample = _take(session, table, text, ELEMENT_ROWS if kind else MOST_ROWS)
    if not sample.rows:
        return None
    made = statistics_of(sample, text, target)
    if not kind:
        return made
    share = min(1.0, ELEMENT_ROWS / max(1.0, table.pages * table.density), MOST_PAGES / max(1.0, table.pages))
    how = f"TABLESAMPLE SYSTEM ({100 * share:.9f}) REPEATABLE (1)" if share < 1 else ""
    rows = session.execute(mark(elements_sql(text, table.source, how, target, kind)).encode()).fetchall()
    return with_elements(made, rows, kind)


def _take(session: Connection[Any], table: _Table, text: str, most: int) -> Sample:
    pages = max(1.0, table.pages)
    share = min(1.0, MOST_PAGES / pages)
    thinned = min(1.0, most / max(1.0, pages * share * table.density))
    # Several sessions may sample one table at a time; each shall see the same pages and rows every time.
    session.execute(f"SELECT {MARK} pg_catalog.setseed(0.5)".encode())
    rows = session.execute(_sample_sql(table.source, text, share, thinned).encode()).fetchall()
    count, nulls, wide, width = rows[0][:4]
    whole = share == thinned == 1.0
    groups = [Group(value, int(times), int(on)) for *_, value, times, on, _ in rows if value is not None]
    return Sample(
        rows=int(count),
        total_rows=float(count) if whole else table.pages * table.density,
        nulls=int(nulls),
        wide=int(wide),
        width=ceil(width or 0),
        groups=groups,
        ordered=sum(float(part) for *_, part in rows if part is not None),
    )


def _sample_sql(source: str, text: str, share: float, thinned: float) -> str:
    """A row for each distinct value, in order: of the sample its rows, NULLs, wide values, mean width; of the value
    its text, count, pages, and part of `ordered`.

    format() uses the output function of the type, where a cast to text could be a function of the table's owner.
    """
    how = f"TABLESAMPLE SYSTEM ({100 * share:.9f}) REPEATABLE (1)" if share < 1 else ""
    thin = f"WHERE pg_catalog.random() < {thinned:.9f}" if thinned < 1 else ""
    return f"""
WITH {MARK} taken AS MATERIALIZED (
    SELECT ({text}) AS v, tableoid::text || pg_catalog.split_part(ctid::text, ',', 1) AS page
    FROM {source} {how} {thin} LIMIT {2 * MOST_ROWS}
), measured AS MATERIALIZED (
    SELECT v, page, pg_catalog.pg_column_size(v) AS width FROM taken
), placed AS MATERIALIZED (
    SELECT v, page, pg_catalog.row_number() OVER () - 1 AS place FROM measured WHERE width <= {WIDEST}
), ranked AS (
    SELECT v, page, place, pg_catalog.row_number() OVER (ORDER BY v, place) - 1 AS rank FROM placed
), groups AS (
    SELECT pg_catalog.format('%s', v) AS value, pg_catalog.count(*) AS times,
           pg_catalog.count(DISTINCT page) AS pages,
           pg_catalog.sum(place * rank) AS part, pg_catalog.min(rank) AS first
    FROM ranked GROUP BY v
), totals AS (
    SELECT pg_catalog.count(*) AS rows, pg_catalog.count(*) - pg_catalog.count(width) AS nulls,
           pg_catalog.count(*) FILTER (WHERE width > {WIDEST}) AS wide, pg_catalog.avg(width)::float8 AS width
    FROM measured
)
SELECT t.rows, t.nulls, t.wide, t.width, g.value, g.times, g.pages, g.part
FROM totals t LEFT JOIN groups g ON true
ORDER BY g.first
"""
