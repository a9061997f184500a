"""`heatmap`: load by hour of the day and day, from history."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs.analytics import MOST_DAYS, load_heatmap
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.models.analytics import MEASURES, HeatCell, Heatmap
from optischema_tui.core.moment import weekday
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context
from optischema_tui.twins.window import WIDTH, bars, identity_of, moment, printed, queryid_of, short, told

LABEL = 6
"""Columns before the grid."""
WIDE = 5
"""Columns of a day that has its figures beside the marks."""
HIGH = 0.98
"""The highest mark stands for this share of the hours and above: one outlier does not flatten the rest."""
UNITS = MEASURES | {"time": "ms of execution per second"}
GAP, IDLE = ".", "_"


def run(context: Context, arguments: Namespace) -> int:
    if arguments.days > MOST_DAYS:
        raise UsageError(f"--days must be {MOST_DAYS} or less")
    identity = identity_of(context, arguments.target)
    found = load_heatmap(
        context.paths, identity.fingerprint, days=arguments.days, since=moment(context, arguments, "since"),
        until=moment(context, arguments, "until"), queryid=queryid_of(arguments), measure=arguments.measure,
        clock=context.clock,
    )  # fmt: skip
    value = heatmap_json(identity, found)
    title = f"{value['target']}: {value['unit']} by hour"
    return printed(context, arguments, title, value, value["cells"], lambda: heatmap_text(identity, found, bars()))


def heatmap_json(identity: TargetIdentity, found: Heatmap) -> dict[str, Any]:
    return {
        "target": clean(identity.label or identity.database),
        "fingerprint": identity.fingerprint,
        "queryid": None if found.queryid is None else str(found.queryid),
        "query": clean(found.text) or None,
        "measure": found.measure,
        "unit": MEASURES[found.measure],
        "since": found.since,
        "until": found.until,
        "cells": [
            {
                "day": cell.day, "hour": cell.hour, "length": cell.length, "observed": cell.observed,
                "calls": cell.calls, "exec_time_ms": cell.exec_time,
                "blocks": cell.blocks if found.measure == "blocks" or found.queryid is not None else None,
                "value": cell.value(found.measure),
            }
            for cell in found.cells
        ],
        "notes": list(found.notes),
    }  # fmt: skip


def heatmap_text(identity: TargetIdentity, found: Heatmap, marks: str) -> str:
    """Hours as rows, days as columns, within 80 columns."""
    what = f"statement {found.queryid}" if found.queryid is not None else "all statements"
    lines = [
        f"{one_line(identity.label or identity.database, 24)}, {what}: {UNITS[found.measure]}",
        f"{local_stamp(found.since)} to {local_stamp(found.until)}",
    ]
    if found.text:
        lines.append(one_line(found.text, WIDTH))
    values = {(cell.day, cell.hour): _shown(cell, found.measure) for cell in found.cells}
    positive = sorted(value for value in values.values() if value)
    top = positive[int(HIGH * (len(positive) - 1))] if positive else 1.0
    width = max(1, min(WIDE, (WIDTH - LABEL) // len(found.days)))
    cells = {(cell.day, cell.hour): cell for cell in found.cells}

    def mark(day: str, hour: int) -> str:
        cell, value = cells.get((day, hour)), values.get((day, hour))
        return _cell(cell, value, top, marks, width)

    lines += ["", *_heads(found.days, width), *_rows(found.days, mark), "", *_legend(found, values, top, marks)]
    return "\n".join([*lines, *told(found.notes)])


def _shown(cell: HeatCell, measure: str) -> float | None:
    """Times are told in ms per second: loads are small, and a cell is narrow."""
    value = cell.value(measure)
    return 1000 * value if measure == "time" and value is not None else value


def _cell(cell: HeatCell | None, value: float | None, top: float, marks: str, width: int) -> str:
    if cell is None:
        return " " * width
    if not value:
        return (GAP if not cell.observed else IDLE).ljust(width)
    mark = marks[min(len(marks) - 1, int(value / top * len(marks)))]
    if width < WIDE:
        return (mark * max(1, width - 1)).ljust(width)
    return f"{'' if mark.isdigit() else mark}{short(value)}".ljust(width)


def _heads(days: tuple[str, ...], width: int) -> list[str]:
    indent = " " * LABEL
    numbers = [day[8:] for day in days]
    if width < 3:
        return [indent + "".join(number[place].ljust(width) for number in numbers) for place in (0, 1)]
    if width < 4:
        return [indent + "".join(number.ljust(width) for number in numbers)]
    return [
        indent + "".join(weekday(day).ljust(width) for day in days),
        indent + "".join(number.ljust(width) for number in numbers),
    ]


def _rows(days: tuple[str, ...], mark: Callable[[str, int], str]) -> list[str]:
    return [f"{hour:02}:00 " + "".join(mark(day, hour) for day in days).rstrip() for hour in range(24)]


def _legend(found: Heatmap, values: dict[tuple[str, int], float | None], top: float, marks: str) -> list[str]:
    known = [(value, place) for place, value in values.items() if value]
    if not known:
        return [f"nothing ran   {GAP} not observed   {IDLE} nothing ran"]
    highest, (day, hour) = max(known)
    step = top / len(marks)
    return [
        f"{marks[0]} below {short(step)}   {marks[3]} about {short(3.5 * step)}   {marks[-1]} from {short(7 * step)}"
        f"   {GAP} not observed   {IDLE} nothing ran",
        f"highest: {short(highest)} on {day} at {hour:02}:00",
    ]
