"""`LIMIT $n` made a number: what a call returned on average.

The planner takes an unknown limit for a tenth of all rows, which hides every index that delivers the first few in
order. pg_stat_statements counts rows and calls, so the usual limit is known closely enough.
"""

from __future__ import annotations

import math

from optischema_tui.core.workload.lexer import Token, tokens


def with_limit(sql: str, rows_per_call: float) -> str:
    """`sql` with the `LIMIT $n` of its outermost query as a number, at least 1; later parameters move down by one.

    Unchanged when it has none, or when the parameter stands in a second place too.
    """
    if "$" not in sql or "limit" not in sql.lower():
        return sql
    stream = list(tokens(sql))
    place = _limit_parameter(stream)
    if place is None:
        return sql
    number = int(stream[place].text[1:])
    if sum(token.kind == "param" and int(token.text[1:]) == number for token in stream) > 1:
        return sql
    limit = str(max(1, math.ceil(rows_per_call)))
    return "".join(limit if at == place else _moved(token, number) for at, token in enumerate(stream))


def _limit_parameter(stream: list[Token]) -> int | None:
    """Position of the parameter behind the last LIMIT outside all parentheses; None when there is none."""
    depth, after_limit, found = 0, False, None
    for at, token in enumerate(stream):
        if token.kind in ("space", "comment"):
            continue
        if after_limit:
            found = at if token.kind == "param" else None
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "op" else 0
        after_limit = depth == 0 and token.kind == "word" and token.text.lower() == "limit"
    return found


def _moved(token: Token, gone: int) -> str:
    number = int(token.text[1:]) if token.kind == "param" else 0
    return f"${number - 1}" if number > gone else token.text
