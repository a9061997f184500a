"""A table as CSV (RFC 4180): CRLF, quotes where they are needed, one header line of column names.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula, and a formula can
send data away. Such a text gets an apostrophe before it. Numbers are written by this program and never get one, so
negative ones stay numbers.
"""

from __future__ import annotations

from optischema_tui.core.clock import iso
from optischema_tui.core.export.table import Kind, Table, Value

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the wide forms, which some spreadsheets read alike."""


def csv_text(table: Table) -> str:
    """Notes are not in it: a CSV file has rows only."""
    lines = [",".join(_quoted(_guarded(column.name)) for column in table.columns)]
    lines += [
        ",".join(_cell(value, column.kind) for value, column in zip(row, table.columns, strict=True))
        for row in table.rows
    ]
    return "".join(f"{line}\r\n" for line in lines)


def _cell(value: Value, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(_guarded(value))
    return iso(value) if kind is Kind.MOMENT else repr(value)


def _guarded(text: str) -> str:
    """A space before the sign does not keep a spreadsheet from reading it."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _quoted(text: str) -> str:
    return (
        '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') or text != text.strip() else text
    )
