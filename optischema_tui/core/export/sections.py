"""The sections of a report, out of what history and the journal hold of a span. Pure: facts in, sections out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.export.charts import HeatChart, Line, LineChart
from optischema_tui.core.export.report import Report, Section
from optischema_tui.core.export.table import Column, Kind, Table, table_of
from optischema_tui.core.export.views import changes_table, label_of, shape_of
from optischema_tui.core.models import (
    Change,
    Reading,
    StatementKey,
    StatementText,
    TargetIdentity,
    WaitPoint,
    WindowStats,
)
from optischema_tui.core.models.analytics import MEASURES, Heatmap, Trend
from optischema_tui.core.safe_text import clean, redact
from optischema_tui.core.workload.epoch import interval_seconds
from optischema_tui.core.workload.filter import MARKER
from optischema_tui.core.workload.rates import rates, totals

Pair = tuple[Reading, Reading | None]
"""The last reading of the span, and the first of the same epoch in it when there is another one."""
GAPS_TOLD = 12
CLASSES = 7
"""Wait classes drawn one by one; the others are one line together."""
RELATIONS = 15
OTHERS = "others"
NUMBER, SHARE = Kind.NUMBER, Kind.SHARE

_STATEMENTS = (
    Column("queryid"), Column("role"), Column("share", SHARE), Column("calls", NUMBER),
    Column("total_exec_time_ms", NUMBER, "ms", "total"), Column("mean_exec_time_ms", NUMBER, "ms", "mean"),
    Column("stddev_exec_time_ms", NUMBER, "ms", "spread"), Column("rows", NUMBER),
    Column("shared_blks", NUMBER, "", "shared blocks"), Column("temp_blks", NUMBER, "", "temp blocks"),
    Column("query"),
)  # fmt: skip
_RELATION = {
    "tables": "schema name seq_scan seq_tup_read idx_scan n_tup_ins n_tup_upd n_tup_del dead_ratio hit_ratio",
    "indexes": "schema table_name name idx_scan idx_tup_read hit_ratio",
    "sizes": "what schema name total_bytes table_bytes index_bytes growth_bytes",
}
_WEIGHT: Mapping[str, tuple[str, ...]] = {
    "tables": ("seq_tup_read", "idx_tup_fetch", "n_tup_ins", "n_tup_upd", "n_tup_del"),
    "indexes": ("idx_scan", "idx_tup_read"),
    "sizes": ("total_bytes",),
}
"""Rows are ordered by the sum of these."""


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """What is known of a span of one target. Times are seconds since 1970."""

    target: TargetIdentity
    since: float
    until: float
    made_at: float
    made_with: str
    """Name and version of the program."""
    trend: Trend
    statements: tuple[WindowStats, ...]
    """The heaviest first, all of the span."""
    texts: Mapping[StatementKey, StatementText]
    """Of the statements shown: whose they are."""
    breaks: tuple[float, ...]
    heatmap: Heatmap | None
    changes: tuple[Change, ...]
    readings: Mapping[str, Pair]
    limit: int = 20
    """Statements to show."""


def build_report(facts: SpanFacts) -> Report:
    """The whole report; a part of which nothing is held says so."""
    return Report(
        f"PostgreSQL report: {_safe(label_of(facts.target))}",
        _facts(facts),
        (
            Section("How much of the time was observed", _coverage(facts)),
            Section("Load over time", _load(facts)),
            Section("Top statements", _statements(facts)),
            Section("What sessions were at", _waits(facts.trend.waits, facts.since, facts.until)),
            Section("What was changed", (_changes(facts),)),
            Section("Tables and indexes", _relations(facts)),
        ),
    )


def observed_share(facts: SpanFacts) -> float:
    """0-1 of the span."""
    seen = sum(point.observed for point in facts.trend.points)
    return min(1.0, seen / (facts.until - facts.since))


def _facts(facts: SpanFacts) -> tuple[tuple[str, str], ...]:
    version = facts.target.server_version_num
    told = f"{version // 10000}.{version % 10000}" if version else "not known"
    calls = sum(point.calls for point in facts.trend.points)
    time = sum(point.exec_time for point in facts.trend.points)
    return (
        ("Server", _safe(label_of(facts.target))),
        ("Database", _safe(facts.target.database)),
        ("PostgreSQL", told),
        ("From", f"{local_stamp(facts.since)} ({iso(facts.since)})"),
        ("To", f"{local_stamp(facts.until)} ({iso(facts.until)})"),
        ("Observed", f"{observed_share(facts):.1%} of the time"),
        ("Statements run", f"{calls:,.0f} calls, {time / 1000:,.0f} s of execution"),
        ("Made", f"{local_stamp(facts.made_at)} with {facts.made_with}"),
    )


def _coverage(facts: SpanFacts) -> tuple[str | Table, ...]:
    told: list[str | Table] = [f"{observed_share(facts):.1%} of the span was observed."]
    gaps = _gaps(facts.trend)
    if gaps:
        columns = (Column("since", Kind.MOMENT), Column("until", Kind.MOMENT), Column("seconds", NUMBER, "s"))
        rows = [(since, until, until - since) for since, until in gaps]
        longest = sorted(sorted(rows, key=lambda row: -row[2])[:GAPS_TOLD])
        notes = ["To the width of a point of the chart below: shorter gaps count in the share above alone."]
        if len(rows) > len(longest):
            notes.append(f"The {len(longest)} longest of {len(rows)}.")
        told.append(table_of("gaps", "Times of which nothing is known", columns, longest, notes))
    if facts.breaks:
        shown = ", ".join(iso(at) for at in facts.breaks[:GAPS_TOLD])
        more = f", and {len(facts.breaks) - GAPS_TOLD} more" if len(facts.breaks) > GAPS_TOLD else ""
        told.append(
            f"The server's counters began anew (a restart, a crash or a reset) at {shown}{more}. What ran between the"
            " last look and such a moment is in no figure."
        )
    return (*told, *map(_safe, facts.trend.notes))


def _gaps(trend: Trend) -> list[tuple[float, float]]:
    """Stretches without any observation, neighbours joined."""
    found: list[tuple[float, float]] = []
    for point in trend.points:
        if point.observed > 0:
            continue
        begin = max(trend.since, point.at - point.seconds)
        if found and begin <= found[-1][1] + 1e-6:
            found[-1] = (found[-1][0], point.at)
        else:
            found.append((begin, point.at))
    return found


def _load(facts: SpanFacts) -> tuple[str | LineChart | HeatChart, ...]:
    trend = facts.trend
    marks = [(at, f"Counters began anew at {iso(at)}") for at in facts.breaks]
    for change in facts.changes:
        at = change.detail.get("applied_at")
        if isinstance(at, int | float) and facts.since <= at <= facts.until:
            marks.append((float(at), _safe(f"Applied at {iso(at)}: {change.title}")))
    loads, means, p50, p95 = (Line(name, ()) for name in ("load", "mean", "p50", "p95"))
    for point in trend.points:
        gap = ((point.at - point.seconds, None),) if point.breaks else ()
        loads = _longer(loads, gap, point.at, point.load)
        means = _longer(means, gap, point.at, point.mean)
        p50 = _longer(p50, gap, point.at, point.p50)
        p95 = _longer(p95, gap, point.at, point.p95)
    span, upright = (trend.since, trend.until), tuple(sorted(marks))
    parts: list[str | LineChart | HeatChart] = [
        LineChart("Load", "seconds of execution per second", *span, (loads,), marks=upright),
        LineChart("Time per call", "ms per call", *span, (means, p50, p95), marks=upright),
    ]
    if upright:
        parts.append("Dashed uprights: counters that began anew, and changes that were applied.")
    if trend.bands:
        parts.append(_safe(trend.bands))
    return (*parts, *((_heat(facts.heatmap),) if facts.heatmap else ()))


def _longer(line: Line, gap: tuple[tuple[float, None], ...], at: float, value: float | None) -> Line:
    return Line(line.name, (*line.points, *gap, (at, value)))


def _heat(found: Heatmap) -> HeatChart:
    values = {(cell.day, cell.hour): cell.value(found.measure) for cell in found.cells}
    hours = tuple(range(24))
    return HeatChart(
        "Load by day and hour of the day",
        MEASURES[found.measure],
        found.days,
        tuple(f"{hour:02}" for hour in hours),
        tuple(tuple(values.get((day, hour)) for hour in hours) for day in found.days),
    )


def _statements(facts: SpanFacts) -> tuple[str | Table, ...]:
    outer = [one for one in facts.statements if one.key.toplevel and MARKER not in one.text]
    own = sum(one.exec_time for one in facts.statements if one.key.toplevel and MARKER in one.text)
    whole = sum(one.exec_time for one in outer)
    shown = outer[: facts.limit]
    notes = ["Share: of the execution time of all top-level statements; a nested one's time is in its caller's."]
    if len(outer) > len(shown):
        rest = sum(one.exec_time for one in outer[facts.limit :]) / whole if whole else 0.0
        notes.append(f"{len(outer) - len(shown)} more statements took {rest:.1%} together.")
    if own:
        notes.append(f"This program's own statements took {own / 1000:,.1f} s beside these.")
    notes.append("A spread that is 0 or - was not kept by the server or is of one call.")
    rows = [
        (
            str(one.key.queryid), _role(facts, one.key),
            one.exec_time / whole if whole else None, one.calls, one.exec_time, one.mean_exec_time,
            one.stddev_exec_time, one.rows, one.shared_blks, one.temp_blks, shape_of(one.text) or None,
        )
        for one in shown
    ]  # fmt: skip
    title = f"The {len(shown)} statements that took the most time"
    return (table_of("statements", title, _STATEMENTS, rows, notes, "No statement ran while it was observed."),)


def _role(facts: SpanFacts, key: StatementKey) -> str | None:
    known = facts.texts.get(key)
    return known.role or None if known else None


def _waits(points: tuple[WaitPoint, ...], since: float, until: float) -> tuple[str | Table | LineChart, ...]:
    samples = sum(point.samples for point in points)
    sums: dict[str, float] = {}
    for point in points:
        for name, average in point.by_class:
            sums[name] = sums.get(name, 0.0) + average * point.samples
    if not samples:
        return ("No sessions are stored of this span.",)
    ordered = sorted(sums, key=lambda name: (-sums[name], name))
    whole = sum(sums.values())
    columns = (Column("wait_class", title="class"), Column("average", NUMBER, "sessions"), Column("share", SHARE))
    rows = [(name, sums[name] / samples, sums[name] / whole if whole else None) for name in ordered]
    notes = ["CPU: sessions that waited for nothing, so were on a processor or wanted one."]
    table = table_of("waits", "Wait classes", columns, rows, notes, "Every session was idle.")
    return (_wait_chart(points, ordered, since, until), table) if ordered else (table,)


def _wait_chart(points: tuple[WaitPoint, ...], ordered: list[str], since: float, until: float) -> LineChart:
    named = ordered[:CLASSES]
    drawn: dict[str, list[tuple[float, float | None]]] = {name: [] for name in named}
    if len(ordered) > CLASSES:
        drawn[OTHERS] = []
    for point in points:
        averages = dict(point.by_class)
        averages[OTHERS] = sum(average for name, average in point.by_class if name not in named)
        for name, line in drawn.items():
            if point.breaks:
                line.append((point.at - point.seconds, None))
            line.append((point.at, averages.get(name, 0.0)))
    lines = tuple(Line(_safe(name), tuple(line)) for name, line in drawn.items())
    return LineChart("Average active sessions by wait class", "sessions", since, until, lines, stacked=True)


def _changes(facts: SpanFacts) -> Table:
    table = changes_table(facts.changes, title="Changes that were approved, applied or judged in this time")
    empty = "Nothing was changed from here in this time. What others changed is not in this program's journal."
    return Table(table.name, table.title, table.columns, table.rows, table.notes, empty)


def _relations(facts: SpanFacts) -> tuple[str | Table, ...]:
    parts: list[str | Table] = []
    for family in _RELATION:
        if family in facts.readings:
            parts.append(_relation(family, *facts.readings[family]))
        else:
            parts.append(f"No reading of {family} is held of this span.")
    return tuple(parts)


def _relation(family: str, last: Reading, first: Reading | None) -> Table:
    rows: list[dict[str, Any]] = totals(last) if first is None else rates(first, last)
    if family == "sizes":
        was = {(row["what"], row["relid"]): row["total_bytes"] for row in first.dicts()} if first else {}
        for row in rows:
            old, now = was.get((row["what"], row["relid"])), row["total_bytes"]
            row["growth_bytes"] = now - old if now is not None and old is not None else None
    weight = _WEIGHT[family]
    rows.sort(key=lambda row: (-sum(row.get(name) or 0 for name in weight), str(row.get("schema")), str(row["name"])))
    names = [name for name in _RELATION[family].split() if any(name in row for row in rows)]
    columns = [
        Column(name, SHARE if name.endswith("_ratio") else NUMBER if rows and not _is_text(name) else Kind.TEXT)
        for name in names
    ]
    over = "since the counters began" if first is None else f"per second, over {interval_seconds(first, last):,.0f} s"
    notes = [f"As of {iso(last.taken_at)}" + ("." if family == "sizes" else f"; counters {over}; ratios of that time.")]
    if len(rows) + last.left_out > RELATIONS:
        notes.append(f"The first {min(RELATIONS, len(rows))} of {len(rows) + last.left_out}.")
    if last.problem:
        notes.append(last.problem)
    values = ([row.get(name) for name in names] for row in rows[:RELATIONS])
    return table_of(family, f"{family[:1].upper()}{family[1:]}", columns, values, notes, f"There are no {family}.")


def _is_text(name: str) -> bool:
    return name in ("what", "schema", "name", "table_name")


def _safe(text: str) -> str:
    return clean(redact(text))
