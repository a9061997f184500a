"""Reads `--workload FILE`: SQL statements with optional weights, in place of pg_stat_statements."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from optischema_tui.core.errors import UsageError
from optischema_tui.core.workload.lexer import Token, tokens
from optischema_tui.core.workload.statement import WorkloadStatement, text_id

_WEIGHT = re.compile(r"--\s*(?=(?:calls|mean_ms)\s*:)(.*)", re.IGNORECASE)
_PAIR = re.compile(r"\s*(calls|mean_ms)\s*:\s*([^\s,]+)\s*(?:,|(?=\s)|\Z)", re.IGNORECASE)
_HOW = "Write it as `-- calls: 120 mean_ms: 4.5`, on a line of its own before the statement"


@dataclass(slots=True)
class _Pending:
    """What has been read since the last semicolon."""

    pieces: list[str] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    weighed_at: int = 0
    """Where the last weight comment begins. Its line is counted for a mistake alone: many would cost their square."""


def parse(text: str) -> tuple[WorkloadStatement, ...]:
    """The statements of a workload file, in the file's order.

    Statements end with `;` (the last may go without); quotes, dollar quotes and nested comments are respected. Each may
    be preceded by `-- calls: N mean_ms: X`, either or both; without it calls is 1 and mean_ms is 1. Other comments
    before a statement are dropped, those inside stay. Every statement is returned, plannable or not.
    Raises UsageError, with the line, for a weight that is wrong or belongs to no statement, a quote or comment
    that does not end, and a file without a statement.
    """
    found: list[WorkloadStatement] = []
    pending = _Pending()
    for token in tokens(text.removeprefix("\ufeff")):
        if not token.closed:
            raise _wrong(text, token.start, f"A {_name(token)} begins here and does not end")
        if token.text == ";":
            _finish(text, pending, found)
            pending = _Pending()
        elif not pending.pieces and token.kind in ("space", "comment"):
            if token.kind == "comment":
                _read_weight(text, token, pending)
        else:
            if token.kind == "comment" and _WEIGHT.match(token.text):
                raise _wrong(
                    text,
                    token.start,
                    "The weight stands inside a statement; a semicolon may be missing before it",
                    _HOW,
                )
            pending.pieces.append(token.text)
    _finish(text, pending, found)
    if not found:
        raise UsageError("The workload file has no statement", todo="Write SQL statements that end with a semicolon")
    return tuple(found)


def _finish(text: str, pending: _Pending, found: list[WorkloadStatement]) -> None:
    sql = "".join(pending.pieces).strip()
    if sql:
        calls, mean = int(pending.weights.get("calls", 1)), pending.weights.get("mean_ms", 1.0)
        found.append(WorkloadStatement(sql, calls, mean, text_id(sql)))
    elif pending.weights:
        raise UsageError(
            f"Line {_line(text, pending.weighed_at)} of the workload file gives a weight to no statement", todo=_HOW
        )


def _read_weight(text: str, token: Token, pending: _Pending) -> None:
    match = _WEIGHT.match(token.text)
    if not match:
        return
    pending.weighed_at = token.start
    rest, position = match.group(1).rstrip(), 0
    while position < len(rest):
        pair = _PAIR.match(rest, position)
        if not pair:
            raise _wrong(text, token.start, "The weight cannot be read", _HOW)
        name = pair.group(1).lower()
        if name in pending.weights:
            raise _wrong(text, token.start, f"The weight {name} is given twice for one statement")
        pending.weights[name] = _number(text, token, name, pair.group(2))
        position = pair.end()


def _number(text: str, token: Token, name: str, digits: str) -> float:
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if name == "calls" and not (value.is_integer() and 1 <= value < 2**63):
        raise _wrong(text, token.start, "calls must be a whole number of at least 1", _HOW)
    if not (math.isfinite(value) and value >= 0):
        raise _wrong(text, token.start, f"{name} must be a number of at least 0", _HOW)
    return value


def _name(token: Token) -> str:
    return {"string": "quoted string", "quoted": "quoted name"}.get(token.kind, "comment")


def _line(text: str, start: int) -> int:
    return text.count("\n", 0, start) + 1


def _wrong(text: str, start: int, why: str, todo: str = "") -> UsageError:
    return UsageError(f"Line {_line(text, start)} of the workload file cannot be read", why, todo)
