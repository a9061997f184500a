"""What an index may cost its table, as a level with reasons."""

from __future__ import annotations

from collections.abc import Iterable

from optischema_tui.core.models import IndexSpec, Risk, TableFacts
from optischema_tui.core.workload.lexer import Token, identifier, significant

GIB = 1 << 30
MEDIUM_TABLE_BYTES = 1 * GIB
HIGH_TABLE_BYTES = 50 * GIB
MEDIUM_INDEXES = 8
HIGH_INDEXES = 15
WRITES_PER_READ = 10.0
"""Rows written, beyond those that the table holds (they may have come in one load), for each call that reads it."""
LARGE_SHARE = 0.5
"""An index larger than this share of its table."""


def assess(
    spec: IndexSpec, table: TableFacts, size_bytes: int, calls: int, texts: Iterable[str]
) -> tuple[Risk, tuple[str, ...]]:
    """The level and at least one reason. `calls`: of the statements that read the table; `texts`: of the workload."""
    found: list[tuple[Risk, str]] = []
    if table.size_bytes >= MEDIUM_TABLE_BYTES:
        level = Risk.HIGH if table.size_bytes >= HIGH_TABLE_BYTES else Risk.MEDIUM
        found.append((level, f"the build reads the whole table twice: {_gib(table.size_bytes)} GiB"))
    others = len(table.indexes)
    if others >= MEDIUM_INDEXES:
        level = Risk.HIGH if others >= HIGH_INDEXES else Risk.MEDIUM
        found.append((level, f"the table has {others} indexes already, and each write pays for all of them"))
    churn = max(0.0, table.writes - max(0.0, table.rows))
    if churn > WRITES_PER_READ * max(1, calls):
        per_call = churn / max(1, calls)
        found.append((Risk.MEDIUM, f"the table is mostly written: {per_call:,.0f} rows for each call that reads it"))
    if table.size_bytes and size_bytes > LARGE_SHARE * table.size_bytes:
        found.append((Risk.MEDIUM, f"the index would take {size_bytes / table.size_bytes:.0%} of its table's size"))
    newly = hot_loss(spec, table, texts)
    if newly:
        what = ", ".join(newly)
        found.append((Risk.MEDIUM, f"statements update {what}, which no index holds yet: HOT updates would be lost"))
    if not found:
        plural = "index" if others == 1 else "indexes"
        reason = f"the table has {table.rows:,.0f} rows and {others} {plural}, and is not mostly written"
        return Risk.LOW, (reason, "CREATE INDEX CONCURRENTLY lets reads and writes go on; DROP INDEX undoes it")
    level = Risk.HIGH if any(each is Risk.HIGH for each, _ in found) else Risk.MEDIUM
    return level, tuple(reason for _, reason in found)


def hot_loss(spec: IndexSpec, table: TableFacts, texts: Iterable[str]) -> tuple[str, ...]:
    """Columns of `spec` that a statement of the workload updates and that no index of the table holds yet."""
    held = {column for index in table.indexes for column in (*index.columns, *index.include)}
    assigned: set[str] = set()
    for text in texts:
        assigned |= updated_columns(text, table.name)
    return tuple(column for column in spec.columns if column in assigned and column not in held)


def updated_columns(text: str, table: str) -> frozenset[str]:
    """Columns that `UPDATE table SET ..` assigns; empty for any other statement. Lexical."""
    stream = list(significant(text[:65_536]))
    words = [token.text.lower() if token.kind == "word" else "" for token in stream]
    if not words or words[0] != "update" or "set" not in words:
        return frozenset()
    begin = words.index("set")
    names = {identifier(token) for token in stream[1:begin] if token.kind in ("word", "quoted")}
    return _assigned(stream[begin + 1 :]) if table in names else frozenset()


def _assigned(stream: list[Token]) -> frozenset[str]:
    found: set[str] = set()
    depth, at_target = 0, True
    for token in stream:
        if token.kind == "op":
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "=" and depth == 0:
                at_target = False
            elif token.text == "," and depth == 0:
                at_target = True
        elif token.kind == "word" and depth == 0 and token.text.lower() in ("where", "from", "returning"):
            break
        elif at_target and token.kind in ("word", "quoted"):
            found.add(identifier(token))
    return frozenset(found)


def _gib(size: int) -> str:
    return f"{size / GIB:,.1f}"
