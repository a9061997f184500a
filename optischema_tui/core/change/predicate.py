"""Whether two spellings of a partial index's condition say the same, the server's own rewriting set aside.

The server prints `status IN ('a')` as `((status)::text = ANY (ARRAY['a'::text]))`: casts, parentheses and a few
operators are equated on the parsed tree, where parentheses carry no meaning any more.
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
        kind, value = _shape(node.this)[:2] if isinstance(node.this, exp.Literal) else ("", "")
        number = kind == "text" and value.lstrip("-").replace(".", "", 1).isdecimal()
        return ("number", value) if number else _shape(node.this)
    if isinstance(node, exp.Literal):
        return ("text" if node.is_string else "number", str(node.this))
    if isinstance(node, exp.Identifier):
        return ("name", node.this if node.args.get("quoted") else node.this.lower())
    if isinstance(node, exp.And | exp.Or):
        return (node.key, *(_shape(part) for part in node.flatten()))
    if isinstance(node, exp.Between):
        low, high = (_shape(node.args[side]) for side in ("low", "high"))
        value = ("this", _shape(node.this))
        return ("and", ("gte", ("expression", low), value), ("lte", ("expression", high), value))
    return _list(node) or (node.key, *_arguments(node))


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
        if isinstance(value, exp.Expr):
            found.append((name, _shape(value)))
        elif isinstance(value, list):
            found.append((name, tuple(_shape(item) if isinstance(item, exp.Expr) else item for item in value)))
        elif value not in (None, False, ""):
            found.append((name, str(value)))
    return found
