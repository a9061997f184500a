"""Reads the actions of an ALTER TABLE that sets options or statistics targets."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.change.kinds.found import not_understood
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.safe_text import one_line

TABLE, TOAST, COLUMN = "table", "toast", "column"
_OF_BOTH = frozenset((
    "autovacuum_enabled", "autovacuum_freeze_max_age", "autovacuum_freeze_min_age", "autovacuum_freeze_table_age",
    "autovacuum_multixact_freeze_max_age", "autovacuum_multixact_freeze_min_age",
    "autovacuum_multixact_freeze_table_age", "autovacuum_vacuum_cost_delay", "autovacuum_vacuum_cost_limit",
    "autovacuum_vacuum_insert_scale_factor", "autovacuum_vacuum_insert_threshold", "autovacuum_vacuum_max_threshold",
    "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_threshold", "log_autovacuum_min_duration",
    "vacuum_index_cleanup", "vacuum_max_eager_freeze_failure_rate", "vacuum_truncate",
))  # fmt: skip
_OPTIONS = {
    TOAST: _OF_BOTH,
    TABLE: _OF_BOTH | {
        "autovacuum_analyze_scale_factor", "autovacuum_analyze_threshold", "fillfactor", "parallel_workers",
        "toast_tuple_target", "user_catalog_table",
    },
}  # fmt: skip
"""The storage parameters of PostgreSQL 13 to 18. Which of them a server knows, and their bounds, it says itself."""
_MOST_TARGET = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to set. `value` None: to take away (RESET, DEFAULT, a target of -1)."""

    of: str
    """table, toast or column"""
    name: str
    value: str | None


def actions(words: Words, statement: str) -> tuple[Asked, ...]:
    """All actions that come next, in order. Raises ChangeRefused for one of another kind, or a thing set twice."""
    found: list[Asked] = []
    while True:
        if words.take("SET", "("):
            found += _options(words, statement, values=True)
        elif words.take("RESET", "("):
            found += _options(words, statement, values=False)
        elif words.take("ALTER"):
            found.append(_target(words, statement))
        else:
            raise ChangeRefused(
                f"This {statement} is not carried out from {one_line(words.next, 40)!r} on",
                "Only SET (..), RESET (..) and ALTER COLUMN .. SET STATISTICS are, for they can be undone exactly",
                "Run it yourself",
            )
        if not words.take(","):
            break
    if len({(asked.of, asked.name) for asked in found}) < len(found):
        raise ChangeRefused("An option or a column is named twice")
    return tuple(found)


def _options(words: Words, statement: str, *, values: bool) -> list[Asked]:
    found: list[Asked] = []
    while True:
        name = words.qualified()
        if name is None:
            raise not_understood(words, statement)
        of = {"": TABLE, "toast": TOAST}.get(name[0], "")
        if name[1] not in _OPTIONS.get(of, ()):
            written = ".".join(filter(None, name))
            raise ChangeRefused(
                f"{one_line(written, 60)} is not a storage option that is set here",
                "PostgreSQL's own of tables are, and toast. before those of their TOAST table",
            )
        value: str | None = None
        if values:
            value = words.literal() if words.take("=") else "true"
            if value is None or "\x00" in value:
                raise not_understood(words, statement)
        found.append(Asked(of, name[1], value))
        if words.take(")"):
            return found
        if not words.take(","):
            raise not_understood(words, statement)


def _target(words: Words, statement: str) -> Asked:
    words.take("COLUMN")
    column = words.name()
    if column is None or not words.take("SET", "STATISTICS"):
        raise ChangeRefused(
            f"Of a column only the statistics target is set here, not what begins at {one_line(words.next, 40)!r}",
            todo="Write ALTER COLUMN name SET STATISTICS n",
        )
    value = words.literal() or ""
    if value in ("-1", "default"):
        return Asked(COLUMN, column, None)
    if not (value.isascii() and value.isdigit() and int(value) <= _MOST_TARGET):
        raise ChangeRefused(
            f"{one_line(value or words.next, 40)!r} is not a statistics target",
            todo=f"It is between 0 and {_MOST_TARGET}, or DEFAULT",
        )
    return Asked(COLUMN, column, str(int(value)))
