"""Whether two spellings of an index's condition or key say the same, the server's own rewriting set aside.

The server prints `status IN ('a')` as `((status)::text = ANY (ARRAY['a'::text]))`: casts of literals and casts to text,
parentheses and a few operators are equated on the parsed tree, where parentheses carry no meaning any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp


def same_predicate(one: str, other: str) -> bool:
    """It errs on the side of "no": what cannot be equated goes to a person."""
    if one.split() == other.split():
        return True
    if not one or not other:
        return False
    first, second = _parse(one), _parse(other)
    return first is not None and first == second


def same_expression(one: str, other: str) -> bool:
    """The same for the keys of two indexes. Errs on the side of "no"."""
    return bool(one) and bool(other) and same_predicate(one, other)


def _parse(predicate: str) -> tuple[Any, ...] | None:
    """The canonical shape, as nested tuples; None when it cannot be parsed."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(f"SELECT 1 WHERE {predicate}", dialect="postgres")
        return _shape(parsed)
    except (SqlglotError, RecursionError):
        return None


def _shape(node: exp.Expr) -> tuple[Any, ...]:
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _shape(node.this)
    if isinstance(node, exp.Cast):
        return _cast(node)
    if isinstance(node, exp.Literal):
        return ("text" if node.is_string else "number", str(node.this))
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return ("number", f"-{node.this.this}")
    # The parser reads some literals as words of its own: date_trunc's unit, the key after ->>.
    if isinstance(node, exp.Var):
        return ("text", node.name.lower())
    if isinstance(node, exp.JSONPath):
        return _path(node)
    if isinstance(node, exp.Identifier):
        return ("name", node.this if node.args.get("quoted") else node.this.lower())
    if isinstance(node, exp.And | exp.Or):
        return (node.key, *(_shape(part) for part in node.flatten()))
    if isinstance(node, exp.Between):
        low, high = (_shape(node.args[side]) for side in ("low", "high"))
        value = ("this", _shape(node.this))
        return ("and", ("gte", ("expression", low), value), ("lte", ("expression", high), value))
    return _list(node) or (node.key, *_arguments(node))


def _cast(node: exp.Cast) -> tuple[Any, ...]:
    """A cast of a value, or of a column to a text type, is how the server spells out what was meant anyway.

    Any other is an expression of its own: `created_at::date` is not `created_at`.
    """
    from sqlglot import exp

    inner = node.this
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Literal | exp.Neg):
        kind, value = _shape(inner)[:2] if isinstance(inner, exp.Literal) else ("", "")
        number = kind == "text" and value.lstrip("-").replace(".", "", 1).isdecimal()
        return ("number", value) if number else _shape(inner)
    to = node.to
    of = to.expressions[0] if to.is_type("array") and to.expressions else to
    if isinstance(inner, exp.Array | exp.Cast) or (isinstance(of, exp.DataType) and of.this in exp.DataType.TEXT_TYPES):
        return _shape(inner)
    return ("cast", to.sql(dialect="postgres").lower(), _shape(inner))


def _path(node: exp.JSONPath) -> tuple[Any, ...]:
    """The key or the number after -> and ->>."""
    last = node.expressions[-1]
    return ("text" if last.key == "jsonpathkey" else "number", str(last.this))


def _list(node: exp.Expr) -> tuple[Any, ...]:
    """IN and `= ANY (ARRAY[..])`, NOT IN and `<> ALL (ARRAY[..])`; empty for anything else."""
    from sqlglot import exp

    if isinstance(node, exp.In) and node.expressions:
        return ("in", _shape(node.this), *map(_shape, node.expressions))
    right = node.args.get("expression")
    if isinstance(node, exp.EQ) and isinstance(right, exp.Any):
        return _inside(node.this, right.this)
    if isinstance(node, exp.NEQ) and isinstance(right, exp.Anonymous) and right.name.upper() == "ALL":
        inside = _inside(node.this, *right.expressions)
        return ("not", ("this", inside)) if inside else ()
    return ()


def _inside(value: exp.Expr, array: exp.Expr) -> tuple[Any, ...]:
    from sqlglot import exp

    while isinstance(array, exp.Paren | exp.Cast):
        array = array.this
    return ("in", _shape(value), *map(_shape, array.expressions)) if isinstance(array, exp.Array) else ()


def _arguments(node: exp.Expr) -> list[tuple[str, Any]]:
    from sqlglot import exp

    found: list[tuple[str, Any]] = []
    for name, value in sorted(node.args.items()):
        if name == "only_json_types":
            continue
        if isinstance(value, exp.Expr):
            found.append((name, _shape(value)))
        elif isinstance(value, list):
            found.append((name, tuple(_shape(item) if isinstance(item, exp.Expr) else item for item in value)))
        elif value not in (None, False, ""):
            found.append((name, str(value)))
    return found
