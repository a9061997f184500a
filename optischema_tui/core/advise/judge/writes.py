"""How often each table is written, by the statements of the workload; where there are none, by the table's counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from optischema_tui.core.advise.reading.uses import TableKey, find_table
from optischema_tui.core.models import CatalogFacts, TableFacts
from optischema_tui.core.workload.lexer import Token, identifier, significant
from optischema_tui.core.workload.statement import WorkloadStatement

_LONGEST = 65_536
"""Characters of a statement that are looked at."""
_ENDS_SET = frozenset(("where", "from", "returning", "when"))


@dataclass(frozen=True, slots=True)
class RowUpdate:
    columns: frozenset[str]
    """That the statement sets; empty when they are not known."""
    rows: float


@dataclass(frozen=True, slots=True)
class TableWrites:
    """Rows written in the workload's window."""

    inserts: float = 0.0
    updates: tuple[RowUpdate, ...] = ()
    deletes: float = 0.0
    measured: bool = True
    """By statements of the workload; else derived from the table's counters."""

    @property
    def rows(self) -> float:
        return self.inserts + self.deletes + sum(update.rows for update in self.updates)


@dataclass(frozen=True, slots=True)
class Target:
    """What one statement (or a WITH part of it) writes."""

    verb: str
    """insert, update or delete"""
    schema: str
    table: str
    columns: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Sum:
    inserts: float = 0.0
    deletes: float = 0.0
    updates: dict[frozenset[str], float] = field(default_factory=dict)

    def frozen(self) -> TableWrites:
        updates = sorted(self.updates.items(), key=lambda each: sorted(each[0]))
        return TableWrites(self.inserts, tuple(RowUpdate(*each) for each in updates), self.deletes)


def write_load(workload: Iterable[WorkloadStatement], facts: CatalogFacts) -> dict[TableKey, TableWrites]:
    """Rows written by table, for every table that is written at all; partitions count for their parent too.

    A statement counts calls x rows per call, one row where that is not measured. Statements in functions and triggers
    are not in the workload, and neither are those that pg_stat_statements has lost: a table that no statement here
    writes is taken from its counters, scaled by how much of their counters the other tables' statements explain (the
    median, at most 1). Where no table tells, the counters' time cannot be compared with the workload's, and nothing is
    taken from them. What a table holds is not counted as churn.
    """
    sums: dict[TableKey, _Sum] = {}
    for statement in workload:
        rows = statement.calls * (1.0 if statement.rows_per_call is None else statement.rows_per_call)
        for target in targets(statement.sql):
            table = find_table(facts, target.schema, target.table)
            for each in _with_parents(table, facts):
                _add(sums.setdefault((each.schema, each.name), _Sum()), target, rows)
    found = {key: each.frozen() for key, each in sums.items()}
    scale = _explained(found, facts)
    for key, table in facts.tables.items():
        if key not in found and (counted := _counted(table, scale)).rows:
            found[key] = counted
    return found


def targets(text: str) -> tuple[Target, ...]:
    """The tables that a statement names as the target of a write. Lexical: of CTEs too, of functions it calls not."""
    stream = list(significant(text[:_LONGEST]))
    words = [token.text.lower() if token.kind == "word" else "" for token in stream]
    found = []
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        if word == "into" and before in ("insert", "merge"):
            verb, start = ("insert" if before == "insert" else "update"), place + 1
        elif word == "from" and before == "delete":
            verb, start = "delete", place + 1
        elif word == "update" and before not in ("for", "key", "do", "then", "on"):
            verb, start = "update", place + 1
        elif word == "copy" and place == 0 and "from" in words:
            verb, start = "insert", place + 1
        else:
            continue
        if target := _target(verb, stream, words, start):
            found.append(target)
    return tuple(found)


def _target(verb: str, stream: Sequence[Token], words: Sequence[str], start: int) -> Target | None:
    if start < len(words) and words[start] == "only":
        start += 1
    names: list[str] = []
    place = start
    while place < len(stream) and stream[place].kind in ("word", "quoted") and len(names) < 3:
        names.append(identifier(stream[place]))
        place += 1
        if place >= len(stream) or stream[place].text != ".":
            break
        place += 1
    if not names:
        return None
    schema = names[-2] if len(names) > 1 else ""
    columns = frozenset[str]()
    if verb == "update":
        begin = next((each for each in range(place, len(words)) if words[each] == "set"), len(words))
        columns = frozenset(_assigned(stream[begin + 1 :]))
    return Target(verb, schema, names[-1], columns)


def _assigned(stream: Sequence[Token]) -> Iterator[str]:
    """The columns before the `=` signs of a SET list."""
    depth, at_target = 0, True
    for token in stream:
        if token.kind == "op":
            depth += (token.text in "([") - (token.text in ")]")
            if depth < 0:
                return
            if token.text == "=" and depth == 0:
                at_target = False
            elif token.text == "," and depth == 0:
                at_target = True
        elif token.kind == "word" and depth == 0 and token.text.lower() in _ENDS_SET:
            return
        elif at_target and token.kind in ("word", "quoted"):
            yield identifier(token)


def _with_parents(table: TableFacts | None, facts: CatalogFacts) -> Iterator[TableFacts]:
    while table is not None:
        yield table
        parent = find_table(facts, table.schema, table.partition_of) if table.partition_of else None
        table = parent if parent is not None and parent.partitioned else None


def _add(to: _Sum, target: Target, rows: float) -> None:
    if target.verb == "insert":
        to.inserts += rows
    elif target.verb == "delete":
        to.deletes += rows
    else:
        to.updates[target.columns] = to.updates.get(target.columns, 0.0) + rows


def _counted(table: TableFacts, scale: float) -> TableWrites:
    inserts = max(0.0, table.inserts - max(0.0, table.rows))
    updates = (RowUpdate(frozenset(), scale * table.updates),) if table.updates else ()
    return TableWrites(scale * inserts, updates, scale * table.deletes, measured=False)


def _explained(found: dict[TableKey, TableWrites], facts: CatalogFacts) -> float:
    """0-1: the share of the counters' rows that statements of the workload account for."""
    shares = []
    for key, writes in found.items():
        counted = _counted(facts.tables[key], 1.0).rows
        if counted > 0:
            shares.append(min(1.0, writes.rows / counted))
    return median(shares) if shares else 0.0
