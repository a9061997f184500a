"""What holds an index in its place whatever its use, and what its going would take along."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.indexes.facts import Facts, IndexDetail
from optischema_tui.core.findings.indexes.wording import told
from optischema_tui.core.models import Reason, TableFacts


def bonds(facts: Facts, index: IndexDetail) -> Iterator[Reason]:
    """Each reason for which it may not be dropped, the strongest first; their codes are the verdicts of `WORDS`."""
    if index.constraint_name:
        yield Reason("constraint", f"It carries the constraint {told(index.constraint_name)}.")
    if index.referenced_by:
        yield Reason("constraint", f"The foreign key {told(index.referenced_by)} elsewhere rests on it.")
    if index.replica_identity:
        yield Reason("replica_identity", "It is the table's replica identity: updates that are published would fail.")
    if index.is_unique:
        yield Reason("unique", "It forbids duplicates, which no scan counts.")
    if index.is_clustered:
        yield Reason("clustered", "The table is clustered on it: CLUSTER without a name needs it.")
    if index.attached or index.partitioned:
        yield Reason("partition", "It is part of a partitioned index, which stands or falls as a whole.")
    if index.extension:
        yield Reason("extension", f"The extension {told(index.extension)} owns it or its table.")
    if index.statistics_target:
        yield Reason("expression_statistics", "Somebody has set a statistics target on its expression.")
    table = facts.tables.get(index.table)
    if table is None:
        yield Reason("unknown", "Its table could not be read.")
    elif keeper_of_key(facts, table, index):
        yield Reason("foreign_key", "No other index that stays begins with the columns of a foreign key.")


WORDS = {
    "constraint": "supports a constraint",
    "replica_identity": "replica identity",
    "unique": "enforces uniqueness",
    "clustered": "clustered on it",
    "partition": "part of a partitioned index",
    "extension": "belongs to an extension",
    "expression_statistics": "expression statistics",
    "foreign_key": "serves a foreign key",
    "unknown": "not known",
}
"""The verdict that each of these codes gives."""


def keeper_of_key(facts: Facts, table: TableFacts, index: IndexDetail) -> bool:
    """Whether it is the one that stays for a foreign key which its table declares: of several the one that is held
    anyway, then the narrowest, then the first by name. The others may go."""
    for key in table.foreign_keys:
        wanted = frozenset(key.columns)
        serving = [each for each in facts.by_table[index.table] if serves(facts, each, wanted)]
        if index not in serving:
            continue
        first = min(serving, key=lambda each: (not _held(each), len(each.keys) + len(each.include), each.name))
        if first is index:
            return True
    return False


def serves(facts: Facts, index: IndexDetail, columns: frozenset[str]) -> bool:
    """Whether the rows of a child are found through it: a usable B-tree over all rows that begins with these columns
    (unquoted names), in any order. A condition that says no more than `column IS NOT NULL` of them leaves none out."""
    table = facts.tables.get(index.table)
    known = next((each for each in table.indexes if each.name == index.name), None) if table else None
    if known is None or not index.usable or index.method != "btree":
        return False
    if index.predicate and not any(_not_null(index.predicate, column) for column in columns):
        return False
    return frozenset(known.columns[: len(columns)]) == columns


def _not_null(predicate: str, column: str) -> bool:
    bare = predicate.replace('"', "")
    return bare in (f"({column} IS NOT NULL)", f"{column} IS NOT NULL")


def _held(index: IndexDetail) -> bool:
    return bool(index.constraint_name or index.referenced_by or index.is_unique or index.replica_identity)
