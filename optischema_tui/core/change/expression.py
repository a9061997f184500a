"""Whether SQL text inside an index definition may be sent to a server: one harmless expression and nothing else.

Keys and conditions come from the plans of statements that anybody may have run, and CREATE INDEX evaluates them with
the rights of the table's owner. So they pass only when every word in them is known: PostgreSQL's own immutable
functions and types, operators, literals and unqualified columns. The server still refuses what is not IMMUTABLE.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from optischema_tui.core.safe_text import one_line
from optischema_tui.core.workload.lexer import Token, identifier, tokens

LONGEST = 4_000
"""Characters of one expression."""
FUNCTIONS = frozenset((
    "abs", "age", "array_length", "array_position", "btrim", "cardinality", "ceil", "ceiling", "char_length",
    "character_length", "coalesce", "date", "date_part", "date_trunc", "decode", "div", "encode", "extract", "floor",
    "greatest", "host", "initcap", "isempty", "json_array_length", "json_extract_path", "json_extract_path_text",
    "jsonb_array_length", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_typeof", "json_typeof", "least",
    "left", "length", "lower", "lower_inc", "lower_inf", "lpad", "ltrim", "masklen", "md5", "mod", "network", "nullif",
    "octet_length", "position", "power", "regexp_replace", "repeat", "replace", "reverse", "right", "round", "rpad",
    "rtrim", "setweight", "sign", "split_part", "sqrt", "starts_with", "strpos", "substr", "substring", "timezone",
    "to_tsvector", "translate", "trim", "trunc", "upper", "upper_inc", "upper_inf",
))  # fmt: skip
"""PostgreSQL's own that are immutable in at least one form; the server refuses the other forms."""
TYPES = frozenset((
    "bigint", "bit", "bool", "boolean", "bpchar", "bytea", "char", "character", "cidr", "date", "daterange", "decimal",
    "double", "float", "float4", "float8", "inet", "int", "int2", "int4", "int4range", "int8", "int8range", "integer",
    "interval", "json", "jsonb", "jsonpath", "macaddr", "money", "name", "numeric", "numrange", "oid", "real",
    "regconfig", "smallint", "text", "time", "timestamp", "timestamptz", "timetz", "tsquery", "tsrange", "tstzrange",
    "tsvector", "uuid", "varchar",
))  # fmt: skip
_SYNTAX = frozenset((
    "all", "and", "any", "array", "as", "asymmetric", "at", "between", "both", "case", "cast", "collate", "distinct",
    "else", "end", "escape", "false", "from", "ilike", "in", "is", "isnull", "leading", "like", "not", "notnull",
    "null", "or", "precision", "similar", "some", "symmetric", "then", "time", "to", "trailing", "true", "unknown",
    "varying", "when", "with", "without", "zone",
))  # fmt: skip
_RESERVED = frozenset((
    "analyse", "analyze", "asc", "authorization", "binary", "check", "column", "concurrently", "constraint", "create",
    "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp",
    "current_user", "default", "deferrable", "desc", "do", "except", "exists", "fetch", "for", "foreign", "freeze",
    "full", "grant", "group", "having", "initially", "inner", "intersect", "into", "join", "lateral", "limit",
    "localtime", "localtimestamp", "natural", "offset", "on", "only", "order", "outer", "over", "overlaps", "placing",
    "primary", "references", "returning", "row", "select", "session_user", "system_user", "table", "tablesample",
    "union", "unique", "user", "using", "values", "variadic", "verbose", "where", "window",
))  # fmt: skip
_OPERATOR = frozenset("+-*/<>=~!@#%^&|`?")


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression calls by name, lower case: whoever may create such a name could put himself in its place."""

    functions: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def __or__(self, other: Names) -> Names:
        return Names(self.functions | other.functions, self.operators | other.operators, self.types | other.types)


@dataclass(slots=True)
class _Reading:
    functions: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)


def unsafe(text: str, *, enclosed: bool = False) -> str:
    """Why the expression may not stand in an index definition; empty when it may.

    `enclosed`: it must be in parentheses as a whole, as an index key must.
    """
    found = _read(text)
    if isinstance(found, str):
        return found
    if enclosed and not _enclosed(text):
        return "an expression as a key must stand in parentheses as a whole"
    return _not_one_expression(text)


def names_in(text: str) -> Names:
    """The functions, operators and types of an expression that `unsafe` has passed; none of any other."""
    found = _read(text)
    if isinstance(found, str):
        return Names()
    return Names(frozenset(found.functions), frozenset(found.operators), frozenset(found.types))


def _read(text: str) -> _Reading | str:
    """What the text names, or the first reason against it."""
    if not text.strip() or len(text) > LONGEST or "\x00" in text:
        return "it is empty, too long, or holds a NUL byte"
    stream = [token for token in tokens(text) if token.kind != "space"]
    found, depth = _Reading(), 0
    for place, token in enumerate(stream):
        if reason := _lexical(token):
            return reason
        depth += (token.text in "([") - (token.text in ")]") if token.kind == "op" else 0
        if depth < 0:
            return "its parentheses do not match"
        if token.kind in ("word", "quoted") and (reason := _name(stream, place, found)):
            return reason
    if depth:
        return "its parentheses do not match"
    found.operators |= _operators(stream)
    return found


def _lexical(token: Token) -> str:
    if token.kind == "comment" or token.text == ";":
        return "it holds a comment or a semicolon"
    if token.kind == "param" or not token.closed:
        return "it holds a parameter, or a string that does not end"
    if token.kind == "string" and (token.text[0] != "'" or "\\" in token.text):
        return "it holds a string with escapes, which a setting of the session may read in another way"
    if token.kind == "op" and token.text not in "()[],.::" and token.text not in _OPERATOR:
        return f"it holds the character {one_line(token.text)!r}"
    return ""


def _name(stream: list[Token], place: int, found: _Reading) -> str:
    """Look at one word or quoted name in its neighbourhood; a reason against it, or empty."""
    token = stream[place]
    name, quoted = identifier(token), token.kind == "quoted"
    before = stream[place - 1].text if place else ""
    after = stream[place + 1] if place + 1 < len(stream) else None
    if "." in (before, after.text if after else ""):
        return f"it names {one_line(name, 60)} with a qualifier; only the table's own columns may appear"
    if before == "::" or before.lower() == "as" or (after is not None and after.kind == "string" and not quoted):
        if not quoted and name in _SYNTAX and name not in TYPES:
            return ""
        literal = place >= 2 and before == "::" and stream[place - 2].kind == "string"
        found.types.add(name)
        return (
            ""
            if literal or name in TYPES
            else f"it casts to {one_line(name, 60)}, which is no type of PostgreSQL's own"
        )
    if not quoted and name in _RESERVED:
        return f"it holds the word {name.upper()}"
    if not quoted and name in _SYNTAX:
        return ""
    if after is not None and after.text == "(":
        found.functions.add(name)
        if name not in FUNCTIONS | TYPES:
            return f"it calls {one_line(name, 60)}, which is not one of PostgreSQL's own immutable functions"
    return ""


_WORDS_FOR = {
    "like": ("~~", "!~~"), "ilike": ("~~*", "!~~*"), "similar": ("~", "!~"), "in": ("=", "<>"),
    "distinct": ("=",), "case": ("=",), "between": ("<=", ">="),
}  # fmt: skip


def _operators(stream: list[Token]) -> set[str]:
    """Operators as PostgreSQL's scanner joins them, and those that words stand for."""
    found: set[str] = set()
    run, end = "", -1
    for token in [*stream, Token("end", "", -1)]:
        sign = token.kind == "op" and token.text in _OPERATOR
        if run and not (sign and token.start == end):
            found.add(run)
            run = ""
        if sign:
            run, end = run + token.text, token.start + 1
        elif token.kind == "word":
            found.update(_WORDS_FOR.get(token.text.lower(), ()))
    return found


def _enclosed(text: str) -> bool:
    """Whether the first parenthesis closes with the last character."""
    stream = [token for token in tokens(text) if token.kind != "space"]
    depth = 0
    for place, token in enumerate(stream):
        depth += (token.text == "(") - (token.text == ")") if token.kind == "op" else 0
        if depth == 0:
            return place == len(stream) - 1 and token.text == ")"
    return False


def _not_one_expression(text: str) -> str:
    """The grammar's word on it, after that of the single words."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(f"SELECT ({text})", dialect="postgres")
    except (SqlglotError, RecursionError):
        return "it cannot be read as one expression"
    outer = parsed.expressions
    if not isinstance(parsed, exp.Select) or len(outer) != 1 or not isinstance(outer[0], exp.Paren):
        return "it is not one expression"
    bad = next(outer[0].find_all(exp.Subquery, exp.Select, exp.Window, exp.AggFunc, exp.Exists, exp.Tuple), None)
    return "" if bad is None else "it holds a subquery, a window, an aggregate or a row"
