"""What the commands say that look at a window of a target's history."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from textwrap import wrap
from typing import Any

from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.moment import parse_moment
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context, put, say

WIDTH = 80
"""Columns that the text output keeps to."""
BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", "12345678"


def identity_of(context: Context, target: str | None) -> TargetIdentity:
    """The target in history; no server is asked. Raises UsageError when it was never collected."""
    spec = context.spec(target)
    with closing(History.open(context.paths.history_db)) as history:
        identity = history.identity_of(spec.key)
        if history.notice:
            say(history.notice)
    if identity is None:
        raise UsageError(
            f"There is no history of {clean(spec.label)} yet",
            "It was never collected from here",
            "Run: optischema-tui collect TARGET",
        )
    return identity


def moment(context: Context, arguments: Namespace, name: str) -> float | None:
    text = getattr(arguments, name)
    return parse_moment(text, context.clock.wall()) if text else None


def queryid_of(arguments: Namespace) -> int | None:
    """The statement that the call names. Raises UsageError when it is no queryid."""
    text = arguments.statement
    if text is None:
        return None
    try:
        queryid = int(text)
    except ValueError:
        queryid = 1 << 64
    if not -(1 << 63) <= queryid < 1 << 63:
        raise UsageError(f"{clean(text)[:40]!r} is no queryid", "It is a whole number of 64 bits, as in the view")
    return queryid


def printed(
    context: Context,
    arguments: Namespace,
    title: str,
    value: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    text: Callable[[], str],
) -> int:
    """Print the answer: with --csv or --md its `rows` as a table, else all of it as JSON or as text."""
    if not (arguments.csv or arguments.md):
        context.out(value, text)
        return 0
    if context.json or (arguments.csv and arguments.md):
        raise UsageError("--json, --csv and --md exclude each other")
    from optischema_tui.core.export.as_csv import csv_text
    from optischema_tui.core.export.as_markdown import markdown_text
    from optischema_tui.core.export.table import Column, Kind, table_of

    def kind(name: str) -> Kind:
        known = {type(row[name]) for row in rows if row[name] is not None}
        if name in _MOMENTS:
            return Kind.MOMENT
        if name in _SHARES:
            return Kind.SHARE
        return Kind.FLAG if known == {bool} else Kind.NUMBER if known and known <= {int, float} else Kind.TEXT

    names = list(rows[0]) if rows else []
    table = table_of(
        arguments.command, title, [Column(name, kind(name)) for name in names],
        ([row[name] for name in names] for row in rows), value["notes"],
    )  # fmt: skip
    put((csv_text if arguments.csv else markdown_text)(table).removesuffix("\n"))
    return 0


_MOMENTS = ("at", "since", "until")
_SHARES = ("share_before", "share_after", "mean_change", "noise")


def bars() -> str:
    """Eight marks of rising height; digits where the output's encoding has no blocks."""
    try:
        BARS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN_BARS
    return BARS


def short(value: float | None) -> str:
    """A figure in four characters, five where it is negative; '-' when unknown."""
    if value is None:
        return "-"
    if not value:
        return "0"
    if abs(value) < 999.5 and value == int(value):
        return str(int(value))
    sign, size, unit = ("-" if value < 0 else ""), abs(value), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    if size < 0.0005:
        return "~0"
    digits = 3 if size < 0.0095 else 2 if size < 0.995 else 1 if size < 9.95 else 0
    return sign + f"{size:.{digits}f}".removeprefix("0") + _UNITS[unit]


def told(notes: Iterable[str]) -> list[str]:
    """Sentences in lines of at most 80 columns."""
    return [line for note in notes for line in wrap(one_line(note), WIDTH)]


_UNITS = ("", "k", "M", "G", "T", "P", "E")
