"""pg_stat_statements text made fit for the parser: constants were replaced by $n in places where no $n may stand."""

from __future__ import annotations

from optischema_tui.core.target.scan import Token, scan

_TYPE_NAMES = """
    DATE TIME TIMETZ TIMESTAMP TIMESTAMPTZ INTERVAL NUMERIC DECIMAL INT INTEGER SMALLINT BIGINT INT2 INT4 INT8
    FLOAT FLOAT4 FLOAT8 REAL TEXT VARCHAR BPCHAR CHAR NAME JSON JSONB UUID INET CIDR MACADDR BYTEA BOOL BOOLEAN XML
    MONEY POINT BOX LSEG CIRCLE PATH POLYGON LINE OID REGCLASS REGTYPE TSQUERY TSVECTOR INT4RANGE INT8RANGE NUMRANGE
    DATERANGE TSRANGE TSTZRANGE PG_LSN HSTORE LTREE CITEXT GEOMETRY GEOGRAPHY
"""
_UNIT_NAMES = "YEAR MONTH DAY HOUR MINUTE SECOND TO"
_ANY_NAMES = "CONCAT CONCAT_WS FORMAT JSON_BUILD_OBJECT JSONB_BUILD_OBJECT JSON_BUILD_ARRAY JSONB_BUILD_ARRAY"
_TYPES = frozenset(_TYPE_NAMES.split())
_ZONED = frozenset(("TIME", "TIMESTAMP"))
_UNITS = frozenset(_UNIT_NAMES.split())
_ARGUMENTS = dict.fromkeys(_ANY_NAMES.split(), "text") | dict.fromkeys(
    ("COUNT", "SUM", "AVG", "GENERATE_SERIES"), "integer"
)
"""Functions whose parameters get no type from the call, and the type that a constant there most likely had."""

Edit = tuple[int, int, str]


def planable(sql: str, version_num: int = 180000) -> str:
    """`sql` with typed constants (`date $1`, `interval $1 day`), `extract($1 from x)` and parameters without a type
    rewritten so that a server of `version_num` parses it. Text without $n comes back as it was.
    """
    tokens = scan(sql) if "$" in sql else []
    if not any(token.kind == "param" for token in tokens):
        return sql
    edits: dict[tuple[int, int], str] = {}
    for position, token in enumerate(tokens):
        if token.kind == "param":
            start, end, text = _typed_constant(sql, tokens, position)
            if text:
                edits[start, end] = text
        elif token.upper == "EXTRACT":
            edits |= {(start, end): text for start, end, text in _extract(tokens, position, version_num)}
        elif token.upper in ("SUM", "AVG"):
            edits |= {(start, end): text for start, end, text in _numeric_case(tokens, position)}
    for function, param in _bare_arguments(tokens):
        edits.setdefault((param.start, param.end), f"CAST({param.text} AS {_ARGUMENTS[function.upper]})")
    return _apply(sql, edits)


def with_type(sql: str, number: int, type_name: str = "text") -> str:
    """`sql` with every bare $`number` cast to `type_name`: for a parameter whose type the server cannot tell."""
    name = f"${number}"
    return _apply(
        sql,
        {(token.start, token.end): f"CAST({name} AS {type_name})" for token in scan(sql) if token.text == name},
    )


def highest_parameter(sql: str) -> int:
    """The largest n of the $n in `sql`; 0 without any."""
    if "$" not in sql:
        return 0
    return max((int(token.text[1:]) for token in scan(sql) if token.kind == "param"), default=0)


def _apply(sql: str, edits: dict[tuple[int, int], str]) -> str:
    parts, at = [], 0
    for (start, end), text in sorted(edits.items()):
        if start >= at:
            parts += [sql[at:start], text]
            at = end
    return "".join(parts) + sql[at:]


def _typed_constant(sql: str, tokens: list[Token], position: int) -> Edit:
    """The edit of `type $n [unit]` that ends at the parameter, or one with an empty text."""
    param = tokens[position]
    nothing = (param.start, param.end, "")
    first = _type_start(tokens, position - 1)
    if first is None or (first > 0 and tokens[first - 1].text in (".", ":")):
        return nothing
    type_name = sql[tokens[first].start : tokens[position - 1].end]
    last = position
    if tokens[first].upper == "INTERVAL":
        while last + 1 < len(tokens) and tokens[last + 1].upper in _UNITS:
            last += 1
        if last > position:
            type_name = f"{type_name} {sql[tokens[position + 1].start : tokens[last].end]}"
    return tokens[first].start, tokens[last].end, f"CAST({param.text} AS {type_name})"


def _type_start(tokens: list[Token], last: int) -> int | None:
    """The index of the first token of the type name that ends at `last`; None when no type name stands there."""
    at = last
    ending = [token.upper for token in tokens[max(0, at - 2) : at + 1]]
    zoned = ending[1:] == ["TIME", "ZONE"] and ending[0] in ("WITH", "WITHOUT")
    if zoned:
        at -= 3
    if at >= 1 and tokens[at].upper == "PRECISION" and tokens[at - 1].upper == "DOUBLE":
        return at - 1
    if at >= 3 and tokens[at].text == ")":
        opening = at
        while opening > 0 and tokens[opening].text != "(":
            if tokens[opening].kind not in ("number", "other"):
                return None
            opening -= 1
        at = opening - 1
    if at < 0 or tokens[at].upper not in (_ZONED if zoned else _TYPES):
        return None
    return at


def _extract(tokens: list[Token], position: int, version_num: int) -> list[Edit]:
    """`extract($1 from x)` -> `pg_catalog."extract"($1, x)`: the function that the grammar means."""
    if position + 3 >= len(tokens):
        return []
    opening, param, source = tokens[position + 1 : position + 4]
    if opening.text != "(" or param.kind != "param" or source.upper != "FROM":
        return []
    name = 'pg_catalog."extract"' if version_num >= 140000 else "pg_catalog.date_part"
    return [(tokens[position].start, tokens[position].end, name), (source.start, source.end, ",")]


def _sums_case(tokens: list[Token], position: int) -> bool:
    return (
        position + 2 < len(tokens)
        and tokens[position].upper in ("SUM", "AVG")
        and tokens[position + 1].text == "("
        and tokens[position + 2].upper == "CASE"
    )


def _numeric_case(tokens: list[Token], position: int) -> list[Edit]:
    """`sum(case when .. then $1 else $2 end)`: unless a branch has a type of its own, the constants were numbers."""
    if not _sums_case(tokens, position):
        return []
    branches: list[list[Token]] = []
    depth, parens, inside = 0, 0, False
    for at in range(position + 2, len(tokens)):
        token, word = tokens[at], tokens[at].upper
        if _sums_case(tokens, at):  # one in the other: what the outer one's constants were is left open
            return []
        depth += (word == "CASE") - (word == "END")
        parens += (token.text == "(") - (token.text == ")")
        if depth == 0 or parens < 0:
            break
        if depth == 1 and parens == 0 and word in ("THEN", "ELSE", "WHEN"):
            inside = word != "WHEN"
            if inside:
                branches.append([])
        elif inside:
            branches[-1].append(token)
    single = [branch[0] for branch in branches if len(branch) == 1]
    params = [token for token in single if token.kind == "param"]
    if len(single) < len(branches) or any(token.upper != "NULL" for token in single if token.kind != "param"):
        return []
    return [(param.start, param.end, f"CAST({param.text} AS integer)") for param in params]


def _bare_arguments(tokens: list[Token]) -> list[tuple[Token, Token]]:
    """(function, parameter): the parameters that are whole arguments of a call of one of `_ARGUMENTS`."""
    found: list[tuple[Token, Token]] = []
    openings: list[int] = []
    for at, token in enumerate(tokens):
        if token.text == "(":
            openings.append(at)
        elif token.text == ")":
            if openings:
                openings.pop()
        elif token.kind == "param" and openings and openings[-1] > 0:
            function = tokens[openings[-1] - 1]
            before, after = tokens[at - 1].text, tokens[at + 1].text if at + 1 < len(tokens) else ""
            if function.upper in _ARGUMENTS and before in ("(", ",") and after in (")", ","):
                found.append((function, token))
    return found
