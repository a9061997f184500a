"""Tables and reports as Markdown (GitHub's tables). Every mark that Markdown or HTML would read is made inert."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optischema_tui.core.export.charts import Chart, HeatChart, described
from optischema_tui.core.export.report import Report, Section
from optischema_tui.core.export.table import Column, Kind, Table, shown
from optischema_tui.core.safe_text import one_line

_MARKS = re.compile(
    r"[\\`*{}\[\]<>#!|~$&@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=:)/|(?i:(?<=www)\.)|^[-+=]|(?<=^\d)[.)](?=\s|$)"
)
"""Also what makes a link of a bare address, and a list of the beginning of a line."""
_QUERIES = ("query", "sql", "inverse_sql", "text")
"""Columns of code, which is told as code."""


def markdown_text(table: Table, level: int = 1) -> str:
    """A heading of that level, the table, its notes."""
    lines = [f"{'#' * level} {escaped(table.title)}", "", *_table_lines(table)]
    for note in table.notes:
        lines += ["", escaped(note)]
    return "\n".join(lines) + "\n"


def report_markdown(report: Report) -> str:
    lines = [f"# {escaped(report.title)}", ""]
    lines += [f"- **{escaped(what)}**: {escaped(value)}" for what, value in report.facts]
    for section in report.sections:
        lines += _section_lines(section)
    return "\n".join(lines) + "\n"


def _section_lines(section: Section) -> list[str]:
    lines = ["", f"## {escaped(section.title)}"]
    for part in section.parts:
        if isinstance(part, str):
            lines += ["", escaped(part)]
        elif isinstance(part, Table):
            lines += ["", markdown_text(part, 3).rstrip("\n")]
        else:
            lines += ["", f"### {escaped(part.title)}", "", escaped(described(part)), *_chart_lines(part)]
    return lines


def _chart_lines(chart: Chart) -> list[str]:
    """A grid as a table: its figures are few enough to be read. A line is told by its description alone."""
    if not isinstance(chart, HeatChart):
        return []
    header = ("", *chart.columns)
    rows = [
        (row, *("-" if value is None else f"{value:.2g}" for value in values))
        for row, values in zip(chart.rows, chart.values, strict=True)
    ]
    return ["", *_lines(header, [True] * len(header), rows), "", escaped(f"In {chart.unit}; -: not observed.")]


def _table_lines(table: Table) -> list[str]:
    if not table.rows:
        return [escaped(table.empty)]
    right = [column.kind in (Kind.NUMBER, Kind.SHARE) for column in table.columns]
    rows = [
        [_cell(shown(value, column.kind), column) for value, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    return _lines([escaped(column.heading) for column in table.columns], right, rows)


def _lines(header: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---:" if each else "---" for each in right]
    return ["| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)]


def _cell(text: str, column: Column) -> str:
    if column.name in _QUERIES and text != "-":
        return code(text)
    return text if column.kind is not Kind.TEXT or text == "-" else escaped(text)


def code(text: str) -> str:
    """`text` on one line as a code span that stands in a cell: the fence is longer than any run of backticks in it.

    A pipe ends a cell even inside a code span, unless a backslash stands before it (GFM, section 4.10).
    """
    flat = one_line(text).replace("|", "\\|")
    if not flat:
        return ""
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    space = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{space}{flat}{space}{fence}"


def escaped(text: str) -> str:
    """`text` on one line, in which nothing is a mark: no link, no image, no HTML, no end of a cell."""
    return _MARKS.sub(r"\\\g<0>", one_line(text))
