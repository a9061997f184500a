"""DROP STATISTICS of one object. The way back makes it again as it was, and analyzes the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds import create_statistics, upkeep
from optischema_tui.core.change.kinds.analyze import PLANS_MAY_CHANGE
from optischema_tui.core.change.kinds.found import keepable, not_understood, refuse_rest
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.statistics_object import (
    bring_back,
    difference,
    drift,
    image_of,
    see,
    see_of,
    sql_of,
)
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NAME = "drop_statistics"
LOCK_DATABASE = ""
MEASURED = Measured.TABLE
_STATEMENT = "DROP STATISTICS"

lock_key = create_statistics.lock_key
cleanup = create_statistics.cleanup


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not words.take("DROP", "STATISTICS"):
        return None
    words.take("IF", "EXISTS")
    name = words.qualified()
    if name is None:
        raise not_understood(words, _STATEMENT)
    if words.next == ",":
        raise ChangeRefused("One DROP STATISTICS of one object is one change", todo="Write one for each")
    words.take("RESTRICT")
    refuse_rest(words, _STATEMENT)
    schema = name[0] or str(ask(connection, "statistics_schema", name=name[1])[0]["schema"] or "")
    seen = see(connection, schema, name[1])
    if seen is None:
        raise ChangeRefused(
            f"There are no statistics {one_line('.'.join(filter(None, name)), 80)}",
            todo="Write the name with its schema",
        )
    back = bring_back(seen)
    subject = sql_of(seen.schema, seen.name)
    keepable(*back.values())
    return Draft(
        kind=NAME,
        title=f"Drop statistics {seen.schema}.{seen.name} of {seen.table_schema}.{seen.table}",
        subject=subject,
        steps=(f"DROP STATISTICS {subject}",),
        undo=tuple(back.values()),
        schema=seen.table_schema,
        table=seen.table,
        cautions=(
            PLANS_MAY_CHANGE,
            "What they hold is gathered anew when they are brought back: ANALYZE is part of that",
        ),
        detail={
            "object": {"schema": seen.schema, "name": seen.name},
            "image": image_of(seen).as_json(),
            "parts": list(back),
        },
    )


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = upkeep.same_table(facts)
    yield identity
    if on_table.blocked(identity):
        return
    yield create_statistics.privileges(facts)
    yield unchanged(facts)
    yield upkeep.later_changes(facts)
    yield from upkeep.waits(facts)


def unchanged(facts: Facts) -> Check:
    line, subject = "statistics unchanged", facts.change.subject
    seen = see_of(facts.connection, facts.change)
    if seen is None and facts.change.rolls_back:
        return warn(line, f"The statistics {subject} are gone already: only the journal is set right", "statistics")
    if seen is None:
        return block(line, f"There are no statistics {subject}", "statistics")
    if why := drift(facts.change, seen):
        return block(line, f"The statistics {subject} are not as recorded: {why}", "statistics")
    if not seen.owns:
        grant = f"GRANT {quote(seen.owner)} TO {quote(facts.table['role'])}"
        return block(line, f"They belong to role {seen.owner}: {grant}", "statistics")
    if seen.extension:
        return block(line, f"They belong to the extension {seen.extension}", "statistics")
    return ok(line, "Definition, target, comment and owner are as recorded", "statistics")


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    seen = see_of(connection, change)
    return {} if seen is None else {"before": image_of(seen).as_json()}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return () if see_of(connection, change) is None else change.steps


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    seen = see_of(connection, change)
    if seen is None:
        return Outcome.DONE, f"The statistics {change.subject} are not on the server"
    if why := difference(change, seen):
        return Outcome.CONFLICT, f"The statistics {change.subject} are not the recorded ones: {why}"
    return Outcome.NOT_DONE, f"The statistics {change.subject} are there"


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, "The statistics are gone from the catalog")


def inverse(change: Change) -> Draft | None:
    return Draft(
        kind=create_statistics.NAME,
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        schema=change.schema,
        table=change.table,
        detail={key: change.detail[key] for key in ("object", "image", "parts")},
    )
