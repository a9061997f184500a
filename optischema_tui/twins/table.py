"""Plain text for people: aligned columns, sizes, durations."""

from __future__ import annotations

from collections.abc import Sequence

from wcwidth import wcswidth

from optischema_tui.core.safe_text import one_line


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """`rows` under `header`, columns as wide as their widest cell; columns in `right` are right-aligned."""
    cells = [[one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = []
        for column, cell in enumerate(row):
            space = " " * (widths[column] - _width(cell))
            padded.append(space + cell if column in right else cell + space)
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    return max(0, wcswidth(text))


def milliseconds(value: float | None) -> str:
    """A duration in ms with three figures; '-' when unknown."""
    if value is None:
        return "-"
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.2f} ms"


def percent(share: float | None) -> str:
    """A share of 0-1; '-' when unknown."""
    return "-" if share is None else f"{share:.1%}"
