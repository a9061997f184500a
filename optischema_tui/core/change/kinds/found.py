"""The table that a person has named, as the server finds it; and the refusals that the kinds of tables share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import resolve
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.on_table import KINDS_OF_RELATION
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import quote
from optischema_tui.core.safe_text import one_line, redact

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class Found:
    """One table, partitioned table or materialized view."""

    oid: int
    schema: str
    name: str
    relkind: str
    """pg_class.relkind: r, p or m."""
    here: str
    """current_schema(): where a thing of no schema would be made; empty when there is none."""

    @property
    def sql(self) -> str:
        return f"{quote(self.schema)}.{quote(self.name)}"


def find_table(connection: psycopg.Connection[Any], name: tuple[str, str]) -> Found:
    """The table of that (schema, name); an empty schema stands for the search path.

    Raises ChangeRefused when there is none, or it is of a kind that holds no rows of its own, or is temporary.
    """
    written = ".".join(quote(part) for part in name if part)
    row = resolve(connection, *name)
    if row is None:
        raise ChangeRefused(f"There is no table {one_line(written, 80)}", todo="Write its name with its schema")
    if row["relkind"] not in ("r", "p", "m"):
        what = KINDS_OF_RELATION.get(row["relkind"], "relation of another kind")
        raise ChangeRefused(f"{one_line(written, 80)} is a {what}", "This is done to tables only")
    if row["persistence"] == "t":
        raise ChangeRefused(f"{one_line(written, 80)} is a temporary table", "Only its own session can reach it")
    return Found(row["oid"], row["schema"], row["name"], row["relkind"], row["here"])


def refuse_rest(words: Words, statement: str) -> None:
    """Raises ChangeRefused when something is left that was not understood."""
    if not words.ended:
        raise not_understood(words, statement)


def not_understood(words: Words, statement: str) -> ChangeRefused:
    where = f"from {one_line(words.next, 40)!r} on" if words.next else "at its end"
    return ChangeRefused(
        f"This {statement} is not understood {where}",
        "Only what is understood word by word is carried out",
        "Write it in its plain form, or run it yourself",
    )


def column_list(words: Words, statement: str) -> tuple[str, ...]:
    """The names in the parentheses that come next; empty when none come. Raises ChangeRefused."""
    if not words.take("("):
        return ()
    names: list[str] = []
    while True:
        name = words.name()
        if name is None:
            raise not_understood(words, statement)
        names.append(name)
        if words.take(")"):
            return tuple(names)
        if not words.take(","):
            raise not_understood(words, statement)


def keepable(*statements: str) -> None:
    """Raises ChangeRefused when the journal would not keep one of them as it is, because it hides what looks like a
    secret: what then ran, or was to undo it, would be another statement."""
    for sql in statements:
        if redact(sql) != sql:
            raise ChangeRefused(
                "A statement of this change holds what looks like a secret",
                "The journal keeps no secrets, so that it could neither show nor undo it",
                "Run it yourself",
            )
