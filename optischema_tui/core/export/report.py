"""A report: sections of sentences, tables and charts, which `as_html` and `as_markdown` write."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.export.charts import Chart
from optischema_tui.core.export.table import Table


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    parts: tuple[str | Table | Chart, ...]
    """A text is a paragraph."""


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    facts: tuple[tuple[str, str], ...]
    """(what, its value): of which server, which time, when and with what it was made."""
    sections: tuple[Section, ...]
