"""Which statements are kept out of sight, and for what reason. Lexical and quick: it sees every text of a server."""

from __future__ import annotations

import re
from functools import lru_cache

from optischema_tui.core.workload.lexer import Token, identifier, significant

OURS = "ours"
CATALOG = "catalog only"
MAINTENANCE = "maintenance"
OTHER_DATABASE = "other database"
NESTED = "nested"
"""Ran inside a function: its time is already in the statement that called it."""
REASONS = (OURS, CATALOG, MAINTENANCE, OTHER_DATABASE, NESTED)

MARKER = "/* optischema"
"""Begins the comment that every statement of ours carries."""

_MAINTENANCE = frozenset((
    "abort", "alter", "analyse", "analyze", "begin", "checkpoint", "close", "cluster", "comment", "commit",
    "create", "deallocate", "declare", "discard", "drop", "end", "explain", "grant", "import", "listen", "load",
    "notify", "prepare", "reassign", "reindex", "release", "reset", "revoke", "rollback", "savepoint",
    "security", "set", "show", "start", "truncate", "unlisten", "vacuum",
))  # fmt: skip
_QUERY = frozenset(("select", "with", "table", "values"))
_HEAD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*\*/)*([A-Za-z]+)")
_CATALOG_HINT = re.compile(r"(?i)\bpg_|information_schema|set_config|current_setting")
_LONGEST_CATALOG_QUERY = 32_768
"""Characters: a longer text is not examined and stays visible."""

_FROM_IN_CALL = frozenset(("extract", "substring", "trim", "overlay", "position"))
_ENDS_LIST = frozenset((
    "where", "group", "having", "order", "limit", "offset", "fetch", "for", "window", "union", "intersect",
    "except", "on", "using", "returning", "select",
))  # fmt: skip
_WRITES = frozenset(("insert", "update", "delete", "merge", "into"))
_CATALOG_SCHEMAS = frozenset(("pg_catalog", "information_schema", "pg_toast"))
_CATALOG_VIEWS_ANYWHERE = frozenset(("pg_stat_statements", "pg_stat_statements_info", "pg_buffercache"))
_SETTING_FUNCTIONS = frozenset(("set_config", "current_setting"))
_NEUTRAL_FUNCTIONS = frozenset(("unnest", "generate_series", "regexp_split_to_table", "string_to_table"))


@lru_cache(maxsize=16_384)
def classify(text: str) -> str:
    """The reason to hide a statement by its text: OURS, MAINTENANCE or CATALOG; empty when it is to be seen.

    COPY, CALL, DO, EXECUTE, FETCH, LOCK and REFRESH are work that a DBA wants to see. An unknown (empty) text is seen.
    """
    if MARKER in text:
        return OURS
    head = _HEAD.match(text)
    word = head.group(1).lower() if head else ""
    if word in _MAINTENANCE:
        return MAINTENANCE
    if word in _QUERY and len(text) <= _LONGEST_CATALOG_QUERY and _CATALOG_HINT.search(text):
        return CATALOG if reads_catalog_only(text) else ""
    return ""


def reads_catalog_only(text: str) -> bool:
    """True when every relation that a SELECT reads is a system catalog, and there is at least one.

    A SELECT that reads no relation counts when all it calls are pg_stat_ functions or those of settings.
    """
    stream = list(significant(text))
    if any(token.kind == "word" and token.text.lower() in _WRITES for token in stream):
        return False
    defined = _with_names(stream)
    relations = _relations(stream)
    if not relations:
        calls = [stream[at].text.lower() for at in range(len(stream) - 1) if _is_call(stream, at)]
        return bool(calls) and all(name.startswith("pg_stat_") or name in _SETTING_FUNCTIONS for name in calls)
    seen = False
    for position in relations:
        schema, name, is_call = _name_at(stream, position)
        if schema in _CATALOG_SCHEMAS or name in _CATALOG_VIEWS_ANYWHERE:
            seen = True
        elif schema:
            return False
        elif name.startswith("pg_"):
            seen = True
        elif name not in (_NEUTRAL_FUNCTIONS if is_call else defined):
            return False
    return seen


def _relations(stream: list[Token]) -> list[int]:
    """Positions of the tokens where a relation's name begins in a FROM list or after JOIN."""
    found: list[int] = []
    levels: list[tuple[str, bool]] = [("", False)]  # (function before the parenthesis, inside a FROM list)
    previous = ""
    for position, token in enumerate(stream):
        word = token.text.lower() if token.kind == "word" else token.text
        call, in_list = levels[-1]
        expects = False
        if word == "(":
            # a parenthesis that opens where a relation may stand continues the list: FROM (a JOIN b ..)
            opens = in_list and previous in ("from", "join", ",", "(", "lateral")
            levels.append((previous if previous in _FROM_IN_CALL else "", opens))
            expects = opens
        elif word == ")":
            if len(levels) > 1:
                levels.pop()
        elif token.kind == "word" and word == "from" and previous != "distinct" and not call:
            levels[-1] = (call, True)
            expects = True
        elif word == "join" or (word == "," and in_list):
            expects = True
        elif token.kind == "word" and word in ("lateral", "only"):
            expects = in_list and previous in ("from", "join", ",", "(", "lateral")
        elif token.kind == "word" and word in _ENDS_LIST:
            levels[-1] = (call, word in ("on", "using") and in_list)
        following = stream[position + 1] if expects and position + 1 < len(stream) else None
        if following and (following.kind == "quoted" or (following.kind == "word" and not _is_keyword(following))):
            found.append(position + 1)
        previous = word
    return found


def _is_call(stream: list[Token], position: int) -> bool:
    return stream[position].kind in ("word", "quoted") and stream[position + 1].text == "("


def _is_keyword(token: Token) -> bool:
    return token.text.lower() in ("lateral", "only", "select", "with", "values", "rows")


def _name_at(stream: list[Token], position: int) -> tuple[str, str, bool]:
    """(schema, name, is a function call) of the possibly qualified name at `position`."""
    parts = [identifier(stream[position])]
    position += 1
    while position + 1 < len(stream) and stream[position].text == ".":
        parts.append(identifier(stream[position + 1]))
        position += 2
    is_call = position < len(stream) and stream[position].text == "("
    return (parts[-2] if len(parts) > 1 else ""), parts[-1], is_call


def _with_names(stream: list[Token]) -> frozenset[str]:
    """Names that the statement itself defines: `name AS (` and `name (columns) AS (` of WITH."""
    names: set[str] = set()
    for position, token in enumerate(stream):
        if token.text.lower() != "as" or token.kind != "word" or position == 0:
            continue
        back = position - 1
        if stream[back].text == ")":
            while back > 0 and stream[back].text != "(":
                back -= 1
            back -= 1
        if back >= 1 and (stream[back - 1].text == "," or stream[back - 1].text.lower() in ("with", "recursive")):
            names.add(identifier(stream[back]))
    return frozenset(names)
