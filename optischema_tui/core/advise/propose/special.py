"""Indexes that are no B-trees: for containment and text search, for patterns, for very wide keys, for huge tables."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.advise.propose.draft import Draft, Part
from optischema_tui.core.advise.propose.problems import MAX_KEY_BYTES
from optischema_tui.core.advise.propose.shares import literals
from optischema_tui.core.advise.propose.view import View, columns_of, is_prefix
from optischema_tui.core.advise.reading.conditions import Kind
from optischema_tui.core.advise.reading.use import Key, Term
from optischema_tui.core.models import CatalogFacts, quote

WIDE_KEY_BYTES = 24
"""A hash of the value takes 4 bytes, however wide the value: 20 to 27 bytes an entry with what belongs to it."""
MOSTLY_DISTINCT = 0.5
"""Of the rows: a B-tree stores equal keys once, a hash index does not."""
BRIN_BYTES = 1 << 30
"""A table from this size on ..."""
BRIN_CORRELATION = 0.95
"""... whose rows lie in the order of a column this well."""
_JSONB = frozenset(("@>", "?", "?|", "?&", "@@", "@?"))
_JSONB_PATH = frozenset(("@>", "@@", "@?"))
_ARRAY = frozenset(("@>", "<@", "&&"))
_PATTERNS = frozenset(("~~", "~~*", "~", "~*"))
_KEEP_WIDTH = ("(lower(", "(upper(", "lower(", "upper(")
"""Expressions about as wide, and as distinct, as their column."""
_HASHED = ("text", "character varying", "bytea", "jsonb")


def special(view: View, facts: CatalogFacts) -> Iterator[Draft]:
    for term in view.terms:
        if term.partner is None and not term.in_or and term.key is not None:
            if term.kind is Kind.OTHER:
                yield from _inverted(view, term, term.key, facts)
            elif term.kind is Kind.EQUAL:
                yield from _hashed(view, term.key)
            elif term.kind is Kind.RANGE:
                yield from _block_ranges(view, term.key)


def unserved(term: Term, view: View, facts: CatalogFacts) -> str:
    """Why nothing here serves a condition with an operator that no B-tree serves; empty when something does."""
    if term.kind is not Kind.OTHER or term.key is None or term.partner is not None or is_prefix(term):
        return ""
    if any(True for _ in _inverted(view, term, term.key, facts)):
        return ""
    what = f"{view.table.name}: {term.text}"
    if term.operator in _PATTERNS:
        if literals(term.value) is None:
            return f"{what}: the pattern is not known, so neither is whether it begins with a text"
        return f"{what}: a pattern that begins with a wildcard needs a trigram index (extension pg_trgm)"
    return f"{what}: no kind of index that is proposed here serves {term.operator}"


def _inverted(view: View, term: Term, key: Key, facts: CatalogFacts) -> Iterator[Draft]:
    kind = _type(view, key)
    if key.computed and " -> " in key.text and " ->> " not in key.text:
        kind = "jsonb"
    if kind == "jsonb" and term.operator in _JSONB:
        if term.operator in _JSONB_PATH:
            yield _gin(key, "jsonb_path_ops", f"{key.text} {term.operator}: GIN over paths and values, for that alone.")
        yield _gin(key, "", f"{key.text} {term.operator}: a GIN index finds the documents that hold it.")
    elif kind.endswith("[]") and term.operator in _ARRAY:
        yield _gin(key, "", f"{key.text} {term.operator}: a GIN index finds the arrays by their elements.")
    elif term.operator == "@@" and (kind == "tsvector" or "to_tsvector" in key.text):
        yield _gin(key, "", f"{key.text} {term.operator}: a GIN index finds the documents by their words.")
    elif term.operator in _PATTERNS and _has_trigram(term):
        opclass = _trigram(facts)
        if opclass:
            yield _gin(key, opclass, f"{key.text} {term.operator}: found by the three-letter pieces of the pattern.")


def _gin(key: Key, opclass: str, reason: str) -> Draft:
    return Draft((Part(key, opclass=opclass),), method="gin", reasons=(reason,))


def _has_trigram(term: Term) -> bool:
    """The pattern has three letters in a row, without which no trigram index helps."""
    values = literals(term.value)
    run = 0
    for character in values[0] if values else "":
        run = run + 1 if character.isalnum() else 0
        if run >= 3:
            return True
    return False


def _trigram(facts: CatalogFacts) -> str:
    schema = dict(facts.extensions).get("pg_trgm")
    if schema is None:
        return ""
    return "gin_trgm_ops" if schema in facts.search_path else f"{quote(schema)}.gin_trgm_ops"


def _hashed(view: View, key: Key) -> Iterator[Draft]:
    column = next(iter(columns_of(view.table, key)), None)
    if column is None or not column.type_name.startswith(_HASHED):
        return
    if key.computed and not key.text.startswith(_KEEP_WIDTH):
        return
    rows = max(1.0, view.table.rows)
    many = column.n_distinct <= -MOSTLY_DISTINCT or column.n_distinct >= MOSTLY_DISTINCT * rows
    if column.avg_width >= WIDE_KEY_BYTES and (many or column.avg_width > MAX_KEY_BYTES):
        limit = ", too wide for a B-tree" if column.avg_width > MAX_KEY_BYTES else ""
        reason = f"{key.text} is {column.avg_width} bytes wide on average{limit}: a hash index holds 4 bytes of each."
        yield Draft((Part(key),), method="hash", reasons=(reason,))


def _block_ranges(view: View, key: Key) -> Iterator[Draft]:
    column = next(iter(columns_of(view.table, key)), None)
    if column is None or key.computed or view.table.size_bytes < BRIN_BYTES:
        return
    if abs(column.correlation) > BRIN_CORRELATION and column.has_btree:
        order = f"The rows lie in the order of {key.text} (correlation {column.correlation:.2f})"
        reason = f"{order}: an index of a few pages tells which blocks to read."
        yield Draft((Part(key),), method="brin", reasons=(reason,))


def _type(view: View, key: Key) -> str:
    if key.computed:
        return ""
    return next((column.type_name for column in columns_of(view.table, key)), "").rpartition(".")[2]
