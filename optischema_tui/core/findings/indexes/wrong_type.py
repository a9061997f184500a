"""Indexes of a method that cannot serve how they are asked: B-trees on documents, B-trees for long ranges in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optischema_tui.core.findings.indexes.facts import Facts, IndexDetail, StatementSeen
from optischema_tui.core.findings.indexes.wording import finding, named, qualified, saved, told
from optischema_tui.core.models import ColumnFacts, Finding, Reason, TableFacts, quote
from optischema_tui.core.workload.lexer import Token, identifier, significant

CONTAINMENT, SUMMARY = "wrong type", "a summary would do"
_CONTAINS = frozenset(("@>", "<@", "?", "?|", "?&", "@?", "@@", "&&"))
_LONGEST = 65_536
"""Characters of a statement that are looked at."""
_POINT_TUPLES = 1000.0
"""Entries a scan below which a summary, which reads whole ranges of pages for one row, would be dearer."""


def find(facts: Facts) -> Iterator[Finding]:
    for _, index in sorted(facts.details.items()):
        table = facts.tables.get(index.table)
        held = index.is_unique or index.constraint_name or index.predicate or index.attached or index.partitioned
        if table is None or held or not index.usable or index.method != "btree" or len(index.keys) != 1:
            continue
        known = next((each for each in table.indexes if each.name == index.name), None)
        column = next((each for each in table.columns if known and (each.name,) == known.columns), None)
        if column is None:
            continue
        yield from _documents(facts, index, table, column)
        yield from _ordered(facts, index, table, column)


def _documents(facts: Facts, index: IndexDetail, table: TableFacts, column: ColumnFacts) -> Iterator[Finding]:
    """A B-tree compares documents and arrays as a whole; what is asked of them is what they contain."""
    kind = column.type_name.removeprefix("pg_catalog.")
    if kind not in ("jsonb", "tsvector") and not kind.endswith("[]"):
        return
    asking = [each for each in facts.statements if contains(each.text, table.name, column.name)]
    if not asking or _has_inverted(table, column):
        return
    asking.sort(key=lambda each: (-each.exec_time, each.queryid))
    path = " jsonb_path_ops" if kind == "jsonb" and all(_only_contains(each) for each in asking) else ""
    name = f"{index.table_name}_{column.name}_gin_idx".encode()[:63].decode("utf-8", "ignore")
    where = f"{quote(name)} ON {quote(index.schema)}.{quote(index.table_name)}"
    impact, _ = saved(facts, index)
    yield finding(
        facts,
        "index.wrong_type",
        qualified(index.key),
        verdict=CONTAINMENT,
        title=f"The {named(index, facts)} cannot serve what is asked of {told(column.name)}: what it contains.",
        reasons=(
            Reason("containment", f"{len(asking)} statements ask what a {kind} contains; a B-tree compares it whole."),
        ),
        impact=impact,
        evidence=tuple(f"Queryid {each.queryid}: {each.calls:,} calls, {each.exec_time:,.0f} ms." for each in asking),
        forward=""
        if facts.in_recovery
        else f"CREATE INDEX CONCURRENTLY {where} USING gin ({quote(column.name)}{path})",
        queryids=tuple(each.queryid for each in asking),
    )


def contains(text: str, table: str, column: str) -> bool:
    """Whether a statement that names the table asks what the column contains. Lexical."""
    tokens = _tokens(text)
    names = [identifier(each) if each.kind in ("word", "quoted") else "" for each in tokens]
    return table in names and any(
        name == column and _operator(tokens, place + 1) in _CONTAINS for place, name in enumerate(names)
    )


def _only_contains(statement: StatementSeen) -> bool:
    tokens = _tokens(statement.text)
    found = {_operator(tokens, place) for place, each in enumerate(tokens) if each.kind == "op"}
    return not found & (_CONTAINS - {"@>"})


def _tokens(text: str) -> list[Token]:
    return list(significant(text[:_LONGEST]))


def _operator(tokens: Sequence[Token], place: int) -> str:
    """The operator that begins there, of one or two characters: the lexer gives them one by one."""
    two = "".join(each.text for each in tokens[place : place + 2] if each.kind == "op")
    return two if two in _CONTAINS else two[:1]


def _has_inverted(table: TableFacts, column: ColumnFacts) -> bool:
    return any(each.method in ("gin", "gist", "rum") and column.name in each.columns for each in table.indexes)


def _ordered(facts: Facts, index: IndexDetail, table: TableFacts, column: ColumnFacts) -> Iterator[Finding]:
    """Rows that lie in the order of the column, and scans that read many of them."""
    limits, own = facts.thresholds, facts.own
    if table.size_bytes < limits.brin_table_bytes or facts.size(index.key) < limits.brin_index_bytes:
        return
    use = own.uses.get(index.oid) if own is not None else None
    if abs(column.correlation) <= limits.brin_correlation or use is None or not use.scans:
        return
    moved = table.updates - table.hot_updates + table.deletes
    if use.tuples_read / use.scans < _POINT_TUPLES or moved > 0.05 * max(1.0, table.rows):
        return
    impact, cost = saved(facts, index)
    yield finding(
        facts,
        "index.wrong_type",
        qualified(index.key),
        verdict=SUMMARY,
        title=f"A BRIN index could stand in for the {named(index, facts)}.",
        reasons=(
            Reason(
                "ordered", f"The rows lie in the order of {told(column.name)}: correlation {column.correlation:.3f}."
            ),
            Reason("ranges", f"A scan reads {use.tuples_read / use.scans:,.0f} entries on average: ranges, no points."),
            Reason("unproved", "Statements that need its order, or single rows, would lose it: plan them first."),
        ),
        impact=impact,
        cost=cost,
    )
