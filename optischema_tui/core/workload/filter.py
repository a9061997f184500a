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
PROVIDER = "provider"
"""Run by an account, or in a database, of the managed service itself."""
REASONS = (OURS, CATALOG, MAINTENANCE, OTHER_DATABASE, NESTED, PROVIDER)

MARKER = "/* optischema"
"""Begins the comment that every statement of ours carries."""

_PROVIDER_ROLES = frozenset((
    "rdsadmin", "rdsrepladmin", "rdstopmgr",
    "cloudsqladmin", "cloudsqlagent", "cloudsqlimportexport", "cloudsqlreplica",
    "alloydbadmin", "alloydbagent", "alloydbimportexport", "alloydbreplica",
    "azuresu", "azure_superuser",
))  # fmt: skip
"""Accounts that no customer can log in with: rds_superuser, cloudsqlsuperuser and azure_pg_admin are not among them."""
_PROVIDER_DATABASES = frozenset(("rdsadmin", "cloudsqladmin", "alloydbadmin", "azure_maintenance", "azure_sys"))

_MAINTENANCE = frozenset((
    "abort", "alter", "analyse", "analyze", "begin", "checkpoint", "close", "cluster", "comment", "commit",
    "create", "deallocate", "declare", "discard", "drop", "end", "explain", "grant", "import", "listen", "load",
    "notify", "prepare", "reassign", "reindex", "release", "reset", "revoke", "rollback", "savepoint",
    "security", "set", "show", "start", "truncate", "unlisten", "vacuum",
))  # fmt: skip
_QUERY = frozenset(("select", "with", "table", "values"))
_CATALOG_HINT = re.compile(r"(?i)\bpg_|information_schema|set_config|current_setting")
_LONGEST_CATALOG_QUERY = 32_768
"""Characters: a longer text is not examined and stays visible."""
_LONGEST_REMEMBERED = 4096
"""Characters: longer texts would fill the memory, and few are asked for twice."""

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


def of_provider(role: str, database: str) -> bool:
    """Whether a statement of this role in this database is the managed service's own. Empty names are unknown."""
    return role in _PROVIDER_ROLES or database in _PROVIDER_DATABASES


def classify(text: str) -> str:
    """The reason to hide a statement by its text: OURS, MAINTENANCE or CATALOG; empty when it is to be seen.

    COPY, CALL, DO, EXECUTE, FETCH, LOCK and REFRESH are work that a DBA wants to see. An unknown (empty) text is seen.
    """
    return _classify_again(text) if len(text) <= _LONGEST_REMEMBERED else _classify(text)


def _classify(text: str) -> str:
    if MARKER in text:
        return OURS
    word = _first_word(text)
    if word in _MAINTENANCE:
        return MAINTENANCE
    if word in _QUERY and len(text) <= _LONGEST_CATALOG_QUERY and _CATALOG_HINT.search(text):
        return CATALOG if reads_catalog_only(text) else ""
    return ""


_classify_again = lru_cache(maxsize=16_384)(_classify)


def _first_word(text: str) -> str:
    """In lower case; empty when the text begins with something else. Parentheses before it do not count."""
    first = next((token for token in significant(text) if token.text != "("), None)
    return first.text.lower() if first is not None and first.kind == "word" else ""


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
    openings = _openings(stream)
    for position, token in enumerate(stream):
        if token.text.lower() != "as" or token.kind != "word" or position == 0:
            continue
        back = position - 1
        if stream[back].text == ")":
            back = openings.get(back, 0) - 1
        if back >= 1 and (stream[back - 1].text == "," or stream[back - 1].text.lower() in ("with", "recursive")):
            names.add(identifier(stream[back]))
    return frozenset(names)


def _openings(stream: list[Token]) -> dict[int, int]:
    """Position of the opening parenthesis by that of the closing one."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for position, token in enumerate(stream):
        if token.text == "(":
            opened.append(position)
        elif token.text == ")" and opened:
            found[position] = opened.pop()
    return found
