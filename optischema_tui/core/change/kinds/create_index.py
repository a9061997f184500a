"""CREATE INDEX CONCURRENTLY on one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import (
    IndexSeen,
    covers,
    difference,
    name_fits,
    outcome_of_index,
    see_index,
    spec_of,
    spec_to_detail,
)
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds.found import keepable
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.restore import left, parts
from optischema_tui.core.change.shape import names_of, shape_problem
from optischema_tui.core.change.states import came_from
from optischema_tui.core.change.strangers import no_strangers
from optischema_tui.core.change.verify import plans_use_it
from optischema_tui.core.change.written_index import UNIQUE_CAUTION, read_written, size_estimate
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NAME = "create_index"
LOCK_DATABASE = ""
MEASURED = Measured.STATEMENTS
_MEGABYTE = 1 << 20
_SHOW_FROM = 1 << 30

_KEPT = ("spec", "definition", "index_oid", "size_bytes")
"""Of the change's detail, what its undo needs too."""


def lock_key(change: Change) -> str:
    return on_table.lock_key(change.schema, change.table)


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    written = read_written(connection, sql)
    if written is None or written.relkind == "p":
        return None
    spec, name = written.spec, written.name
    where = f"{quote(spec.schema)}.{quote(name)}"
    keepable(spec.sql(name))
    return Draft(
        kind=NAME,
        title=f"Create {'unique ' if spec.unique else ''}index {one_line(name, 80)} on {one_line(spec.table, 80)}",
        subject=f"{spec.schema}.{name}",
        steps=(spec.sql(name),),
        undo=(f"DROP INDEX CONCURRENTLY {where}",),
        schema=spec.schema,
        table=spec.table,
        index_name=name,
        cautions=(UNIQUE_CAUTION,) if spec.unique else (),
        detail={"spec": spec_to_detail(spec), "size_bytes": size_estimate(connection, spec)},
    )


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = on_table.table_identity(facts)
    yield identity
    if on_table.blocked(identity):
        return
    yield one_relation(facts)
    yield on_table.privileges(facts)
    for check in CHECKS:
        yield check(facts)
    yield from on_table.waits(facts)


def one_relation(facts: Facts) -> Check:
    line = "not partitioned"
    if facts.table["relkind"] == "p":
        name = f"{facts.change.schema}.{facts.change.table}"
        return block(
            line,
            f"{name} is partitioned: the server builds no index on it concurrently. Its partitions get theirs one by "
            "one: write the CREATE INDEX as a new change",
            "table",
        )
    return ok(line, "The server can build an index on it concurrently", "table")


def name_is_free(facts: Facts) -> Check:
    name, line = facts.change.index_name, "index name"
    if not name_fits(name):
        return block(line, f"The name {name} is empty or longer than 63 bytes; the server would cut it")
    index = facts.named
    if index is not None and index.usable and carried_on(facts.change) and not difference(facts.change, index):
        return ok(line, "The index is there and valid: what is left of the change is done", "indexes")
    if index is None:
        taken = facts.ask("named", schema=facts.change.schema, name=name)
        if taken:
            return block(line, f"Something else in schema {facts.change.schema} has the name {name}", "named")
        return ok(line, f"The name {name} is free", "named")
    if not index.usable:
        return block(
            line,
            f"An INVALID index {name} is left over from an earlier build; when nobody builds it, remove it with: "
            f"{facts.change.inverse_sql}",
            "indexes",
        )
    return block(line, f"An index {name} exists: {index.definition}", "indexes")


def carried_on(change: Change) -> bool:
    """Whether a part of it was done before."""
    return ChangeState.LEFTOVER in (change.state, came_from(change))


def nothing_covers(facts: Facts) -> Check:
    spec, line = spec_of(facts.change), "equal or covering index"
    if spec is None:
        if facts.change.detail.get("definition"):
            return ok(line, "It is the index that was dropped, as it was")
        return block(line, "The change holds no description of its index, so that nothing can be compared")
    for index in facts.indexes:
        if index.table == facts.change.table and covers(index, spec):
            return block(line, f"{index.name} does the same already: {index.definition}", "indexes")
    return ok(line, "No valid index of this table has these leading columns", "indexes")


def leftovers(facts: Facts) -> Check:
    line = "invalid leftovers"
    invalid = [index.name for index in facts.indexes if not index.usable and index.name != facts.change.index_name]
    young = [index.name for index in facts.indexes if index.usable and index.check_xmin]
    if young and not invalid:
        return warn(line, f"Transactions older than these do not use them yet: {', '.join(young)}", "indexes")
    if invalid:
        return warn(line, f"The table has invalid indexes that only cost writes: {', '.join(invalid)}", "indexes")
    return ok(line, "The table has no other invalid index", "indexes")


def room_on_disk(facts: Facts) -> Check:
    estimate = facts.change.detail.get("size_bytes", 0)
    line = "disk space"
    if not isinstance(estimate, int) or estimate <= 0:
        return warn(line, "The size of the index is not known, and free disk space cannot be seen over SQL")
    need = 3 * estimate
    reason = (
        f"Needs about {max(1, need // _MEGABYTE)} MB for a while (index, temporary files and WAL); "
        "free disk space cannot be seen over SQL"
    )
    return warn(line, reason) if need >= _SHOW_FROM else ok(line, reason)


def names_are_the_servers_own(facts: Facts) -> Check:
    """A function of the same name that somebody else has made could be taken in place of PostgreSQL's own, and would
    run with the rights of the table's owner."""
    spec, line = spec_of(facts.change), "functions and operators"
    if facts.change.detail.get("image") or (spec is None and facts.change.detail.get("definition")):
        first, *_ = facts.ask("search_order")[0]["schemas"] or [""]
        if first != "pg_catalog":
            return block(
                line,
                f"This session looks for names in schema {first} before pg_catalog, where the definition means them: "
                "RESET the role's or the database's search_path",
                "search_order",
            )
        return ok(line, "The server printed the definition itself, with every name where it belongs", "search_order")
    if spec is None or (problem := shape_problem(spec)):
        return block(line, "The change holds no description of its index" if spec is None else problem)
    return no_strangers(facts, line, names_of(spec), "The index calls", "the index calls")


CHECKS = (name_is_free, nothing_covers, leftovers, names_are_the_servers_own, room_on_disk)


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    return {}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return _left(change, see_index(connection, change))


def _left(change: Change, seen: IndexSeen | None) -> tuple[str, ...]:
    if seen is None or not seen.usable:
        return change.steps
    image = change.detail.get("image")
    undone = left(parts(change.schema, change.index_name, image), seen) if isinstance(image, dict) else ()
    return tuple(sql for sql in change.steps if sql in undone)


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    seen = see_index(connection, change)
    found, reason = outcome_of_index(change, seen, wanted=True, just_built=just_ran)
    todo = _left(change, seen) if found is Outcome.DONE else ()
    if todo:
        return Outcome.PART, f"{reason}, but not whole yet: {len(todo)} of {len(change.steps)} statements are left"
    return found, reason


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    """An invalid index of ours, whether its build or its drop was not ended."""
    seen = see_index(connection, change)
    return () if seen is None or seen.usable else (drop_sql(change),)


def drop_sql(change: Change) -> str:
    return f"DROP INDEX CONCURRENTLY {quote(change.schema)}.{quote(change.index_name)}"


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    change = ledger.change
    seen = see_index(connection, change)
    if seen is None or not seen.usable:
        return ledger.move(
            ChangeState.NEEDS_ATTENTION, f"The index {change.index_name} is not there and valid any more"
        )
    return plans_use_it(connection, ledger)


def inverse(change: Change) -> Draft | None:
    return Draft(
        kind="drop_index",
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        schema=change.schema,
        table=change.table,
        index_name=change.index_name,
        detail={key: change.detail[key] for key in _KEPT if key in change.detail},
    )
