"""Whether an expression may stand in an index: the obvious obstacles. The planner's server has the last word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optischema_tui.core.advise.reading.text import NAMES, words
from optischema_tui.core.workload.lexer import Token, identifier

_CHANGING = frozenset((
    "now", "random", "random_normal", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday",
    "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user", "session_user",
    "user", "current_role", "current_catalog", "current_schema", "current_schemas", "current_database",
    "current_setting", "nextval", "currval", "lastval", "gen_random_uuid", "uuidv4", "uuidv7", "uuid_generate_v4",
    "txid_current", "pg_backend_pid", "inet_client_addr", "version",
))  # fmt: skip
_SESSION = frozenset((
    "to_char", "to_date", "to_timestamp", "concat", "concat_ws", "format", "age", "to_json", "to_jsonb", "row_to_json",
))  # fmt: skip
_BY_ZONE = frozenset(("date", "date_trunc", "date_part", "extract", "time", "timetz"))
_ELSEWHERE = frozenset((
    "subplan", "initplan", "hashed", "row", "grouping", "over", "filter", "within", "partial",
    "count", "sum", "avg", "min", "max", "array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg",
    "jsonb_object_agg", "xmlagg", "bool_and", "bool_or", "every", "any_value", "bit_and", "bit_or", "bit_xor", "stddev",
    "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "corr", "covar_pop", "covar_samp", "mode",
    "percentile_cont", "percentile_disc", "regr_slope", "regr_count", "range_agg", "rank", "dense_rank", "row_number",
    "ntile", "lag", "lead", "first_value", "last_value", "nth_value", "cume_dist", "percent_rank", "generate_series",
    "unnest", "jsonb_array_elements", "jsonb_each", "regexp_matches", "json_array_elements",
))  # fmt: skip
_ZONED = "timestamp with time zone"
_TEXTS = ("text", "character varying", "character", "bpchar")
_DATES = ("date", "timestamp without time zone", _ZONED, "time without time zone", "time with time zone", "interval")


def of_the_row(stream: Sequence[Token]) -> bool:
    """False for parameters, subqueries, aggregates, window and set-returning functions, row comparisons."""
    return not any(
        token.kind == "param" or (token.kind == "word" and token.text.lower() in _ELSEWHERE) for token in stream
    )


def instability(stream: Sequence[Token], type_of: Callable[[str], str]) -> str:
    """Why its value may change while the row does not; empty when nothing obvious says so. `type_of`: a column's
    type, empty for what is no column."""
    names = [identifier(token) if token.kind in NAMES else "" for token in stream]
    types = [type_of(name) if name else "" for name in names]
    zoned = any(_base(each) == _ZONED for each in types) and ["at", "time", "zone"] not in _threes(stream)
    for position, name in enumerate(names):
        if not name or stream[position].kind == "quoted" or stream[position - 1].text == "::":
            continue
        called = stream[position + 1 : position + 2] and stream[position + 1].text == "("
        if name in _CHANGING and (called or name.startswith(("current_", "local", "session_"))):
            return f"{name} changes from call to call"
        if called and name in _SESSION:
            return f"{name} depends on settings of the session"
        if called and name in _BY_ZONE and zoned:
            return f"{name} of a {_ZONED} depends on the session's TimeZone"
    return _unstable_cast(stream, types)


def _threes(stream: Sequence[Token]) -> list[list[str]]:
    plain = words(stream)
    return [plain[position : position + 3] for position in range(len(plain))]


def _unstable_cast(stream: Sequence[Token], types: Sequence[str]) -> str:
    for position, token in enumerate(stream):
        if token.text != "::":
            continue
        operand = position - 1
        while operand > 0 and stream[operand].text == ")":
            operand -= 1
        source = _base(types[operand])
        target = " ".join(each.text.lower() for each in stream[position + 1 : position + 5] if each.kind == "word")
        if not source:
            continue
        if source == _ZONED and target.startswith(("date", "time", "text", "character")):
            zone_kept = target.startswith(_ZONED)
            if not zone_kept:
                return f"the cast of a {_ZONED} to {target} depends on the session's TimeZone"
        elif source in _DATES and target.startswith(("text", "character")):
            return f"the cast of a {source} to {target} depends on the session's DateStyle"
        elif source in _TEXTS and target.startswith(("date", "time")):
            return f"the cast of a text to {target} depends on the session's DateStyle"
        elif source in _DATES and target.startswith(_ZONED) and source != _ZONED:
            return f"the cast of a {source} to {target} depends on the session's TimeZone"
    return ""


def _base(type_name: str) -> str:
    head, bracket, tail = type_name.partition("(")
    return (head.strip() + tail.partition(")")[2]).strip() if bracket else head.strip()
