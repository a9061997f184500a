"""How an index is, whole: what its definition says and what it leaves out, and the statements that make it so again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from optischema_tui.core.change.catalog import IndexSeen
from optischema_tui.core.change.kinds.words import literal
from optischema_tui.core.models import quote
from optischema_tui.core.safe_text import redact

_HEADS = ("CREATE UNIQUE INDEX ", "CREATE INDEX ")


@dataclass(frozen=True, slots=True)
class Part:
    """One statement of a restoration."""

    sql: str
    holds: Callable[[IndexSeen], bool]
    """Whether the index as it is seen has what the statement gives it."""


def image_of(seen: IndexSeen) -> dict[str, Any]:
    """The index as JSON values: all that a restoration gives back. Equal images are equal indexes, size apart."""
    image: dict[str, Any] = {
        "definition": seen.definition,
        "create": _create(seen),
        "statistics": list(seen.statistics),
        "comment": seen.comment,
        "goes_with": list(seen.goes_with),
    }
    return image


def unkept(image: dict[str, Any]) -> str:
    """Why the journal would not keep it as it is, one sentence; empty when it does."""
    texts = [str(image["definition"]), str(image["create"]), str(image["comment"])]
    if all(redact(text) == text for text in texts):
        return ""
    return "Its definition or comment holds what looks like a secret, which is not written down: it could not be undone"


def parts(schema: str, name: str, image: dict[str, Any]) -> tuple[Part, ...]:
    """The statements that make the index out of its image, in order."""
    where = f"{quote(schema)}.{quote(name)}"
    found = [Part(str(image["create"]), _is_there)]
    for setting in image["statistics"]:
        number, _, target = str(setting).partition("=")
        sql = f"ALTER INDEX {where} ALTER COLUMN {int(number)} SET STATISTICS {int(target)}"
        found.append(Part(sql, partial(_has_target, str(setting))))
    if image["comment"]:
        comment = str(image["comment"])
        found.append(Part(f"COMMENT ON INDEX {where} IS {literal(comment)}", partial(_has_comment, comment)))
    for extension in map(str, image["goes_with"]):
        sql = f"ALTER INDEX {where} DEPENDS ON EXTENSION {quote(extension)}"
        found.append(Part(sql, partial(_goes_with, extension)))
    return tuple(found)


def _is_there(seen: IndexSeen) -> bool:
    return seen.usable or seen.relkind == "I"


def _has_target(setting: str, seen: IndexSeen) -> bool:
    return setting in seen.statistics


def _has_comment(comment: str, seen: IndexSeen) -> bool:
    return seen.comment == comment


def _goes_with(extension: str, seen: IndexSeen) -> bool:
    return extension in seen.goes_with


def left(of: tuple[Part, ...], seen: IndexSeen | None) -> tuple[str, ...]:
    """The statements among `of` whose effect `seen` does not show."""
    return tuple(part.sql for part in of if seen is None or not part.holds(seen))


def _create(seen: IndexSeen) -> str:
    """The statement that makes it: concurrently, except for a partitioned one, and in its own tablespace."""
    text = seen.definition
    head = next(head for head in _HEADS if text.startswith(head))
    if seen.names_tablespace:
        tail = f" WHERE {seen.predicate}" if seen.predicate else ""
        text = f"{text.removesuffix(tail)} TABLESPACE {quote(seen.tablespace)}{tail}"
    return text if seen.relkind == "I" else f"{head}CONCURRENTLY {text.removeprefix(head)}"
