"""REINDEX CONCURRENTLY of one index or of one table's indexes: each is built anew and takes the old one's place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import ask, resolve
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds import create_index
from optischema_tui.core.change.kinds.found import not_understood, refuse_rest
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.upkeep import maintain
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.sizes import size

if TYPE_CHECKING:
    import psycopg

NAME = "reindex"
LOCK_DATABASE = ""
MEASURED = Measured.NOTHING
NOTHING_TO_UNDO = "There is nothing to undo: the index is the same as before, without the room it had wasted"
_SHOW_FROM = 1 << 30

lock_key = create_index.lock_key


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not words.take("REINDEX"):
        return None
    words.take("(", "CONCURRENTLY", ")")
    if words.next == "(":
        raise ChangeRefused(
            "REINDEX with options is not carried out", todo="Write REINDEX INDEX or TABLE, and the name"
        )
    for what in ("DATABASE", "SYSTEM", "SCHEMA"):
        if words.take(what):
            raise ChangeRefused(
                f"REINDEX {what} is not carried out", "One index or one table at a time is", "Propose one for each"
            )
    whole = words.take("TABLE")
    if not whole and not words.take("INDEX"):
        raise not_understood(words, "REINDEX")
    words.take("CONCURRENTLY")
    name = words.qualified()
    if name is None:
        raise not_understood(words, "REINDEX")
    refuse_rest(words, "REINDEX")
    return _draft(connection, name, whole)


def _draft(connection: psycopg.Connection[Any], name: tuple[str, str], whole: bool) -> Draft:
    told = ".".join(one_line(part, 80) for part in name if part)
    what = "table" if whole else "index"
    row = resolve(connection, *name)
    if row is None or row["relkind"] not in (("r", "m", "p") if whole else ("i", "I")):
        raise ChangeRefused(f"There is no {what} {told}", todo="Write its name with its schema")
    if row["schema"] in ("pg_catalog", "pg_toast", "information_schema"):
        raise ChangeRefused(f"{told} is one of the server's own", "It is not rebuilt concurrently")
    if row["relkind"] in ("p", "I"):
        raise ChangeRefused(f"{told} is partitioned", "Its partitions are rebuilt one by one", "Propose one for each")
    if row["persistence"] == "t":
        raise ChangeRefused(f"{told} is temporary", "Only its own session can reach it")
    schema, table = row["schema"], row["name"] if whole else row["table"]
    where = f"{quote(schema)}.{quote(row['name'])}"
    indexes = ask(connection, "rebuilt", schema=schema, table=table, name="" if whole else row["name"])
    fixed = [each["name"] for each in indexes if each["exclusion"]]
    if fixed and not whole:
        raise ChangeRefused(f"{told} serves an exclusion constraint", "Such an index is not rebuilt concurrently")
    passed = [each["name"] for each in indexes if not each["valid"]] if whole else []
    cautions = [NOTHING_TO_UNDO]
    if fixed or passed:
        names = ", ".join(one_line(each, 80) for each in (*fixed, *passed))
        cautions.append(f"The server passes over these, of exclusion constraints or invalid: {names}")
    return Draft(
        kind=NAME,
        title=f"Rebuild {'the indexes of ' if whole else 'index '}{one_line(row['name'], 80)}",
        subject=f"{schema}.{row['name']}",
        steps=(f"REINDEX {what.upper()} CONCURRENTLY {where}",),
        undo=(),
        schema=schema,
        table=table,
        index_name="" if whole else row["name"],
        cautions=tuple(cautions),
        detail={"size_bytes": sum(each["size_bytes"] for each in indexes if _due(each, whole))},
    )


def _due(row: dict[str, Any], whole: bool) -> bool:
    """Whether the statement rebuilds it: of a table, the valid ones only."""
    return not row["exclusion"] and (row["valid"] or not whole)


def _rows(connection: psycopg.Connection[Any], change: Change) -> list[dict[str, Any]]:
    return ask(connection, "rebuilt", schema=change.schema, table=change.table, name=change.index_name)


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = on_table.table_identity(facts)
    yield identity
    if on_table.blocked(identity):
        return
    yield still_there(facts)
    yield maintain(facts)
    yield create_index.leftovers(facts)
    yield room_on_disk(facts)
    yield from on_table.waits(facts)


def still_there(facts: Facts) -> Check:
    line, change = "what is rebuilt", facts.change
    if facts.table["relkind"] not in ("r", "m"):
        return block(line, f"{change.schema}.{change.table} is partitioned now", "table")
    rows = [row for row in _rows(facts.connection, change) if _due(row, not change.index_name)]
    if not rows:
        return block(line, f"There is no index to rebuild: {change.subject}", "rebuilt")
    return ok(line, f"{len(rows)} indexes of {size(sum(row['size_bytes'] for row in rows))}", "rebuilt")


def room_on_disk(facts: Facts) -> Check:
    """Of a table all new indexes stand beside the old ones until the end."""
    rows = [row for row in _rows(facts.connection, facts.change) if _due(row, not facts.change.index_name)]
    total, largest = sum(row["size_bytes"] for row in rows), max((row["size_bytes"] for row in rows), default=0)
    need = 2 * total + largest
    reason = (
        f"Needs at most {size(need)} for a while (as much again as now, WAL, temporary files); "
        "free disk space cannot be seen over SQL"
    )
    return warn("disk space", reason, "rebuilt") if need >= _SHOW_FROM else ok("disk space", reason, "rebuilt")


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    """`indexes`: name -> OID and bytes of what is rebuilt; `present`: the OIDs of all indexes, so that what the server
    leaves of this very change can be told from older remains."""
    rows = _rows(connection, change)
    whole = not change.index_name
    due = {_qualified(row): [row["oid"], row["size_bytes"]] for row in rows if _due(row, whole)}
    return {"indexes": due, "present": sorted(row["oid"] for row in _all(connection, change))}


def _all(connection: psycopg.Connection[Any], change: Change) -> list[dict[str, Any]]:
    return ask(connection, "rebuilt", schema=change.schema, table=change.table, name="")


def _remains(connection: psycopg.Connection[Any], change: Change) -> list[dict[str, Any]]:
    """Invalid indexes that bear the names which a broken rebuild leaves, and are this one's: new since the intent
    (_ccnew), or an old one under another name than it had (_ccold)."""
    if "present" not in change.detail:
        return []
    names = {oid: name for name, (oid, _) in change.detail.get("indexes", {}).items()}
    present = set(change.detail["present"])
    return [
        row
        for row in _all(connection, change)
        if row["temporary_name"] and not row["valid"]
        if row["oid"] not in present or names.get(row["oid"], _qualified(row)) != _qualified(row)
    ]


def _qualified(row: dict[str, Any]) -> str:
    return f"{row['schema']}.{row['name']}"


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return change.steps


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    then = change.detail.get("indexes", {})
    now = {_qualified(row): row for row in _rows(connection, change)}
    if remains := _remains(connection, change):
        return Outcome.HALF, f"The rebuild has left {', '.join(row['name'] for row in remains)}, which is invalid"
    gone = sorted(name for name in then if name not in now)
    if gone or not now:
        return Outcome.CONFLICT, f"The index {', '.join(gone) or change.subject} is gone"
    rebuilt = [name for name, (oid, _) in then.items() if now[name]["oid"] != oid and now[name]["valid"]]
    if len(rebuilt) == len(then):
        return Outcome.DONE, f"{len(rebuilt)} of {len(then)} indexes are new"
    if rebuilt:
        return Outcome.PART, f"{len(rebuilt)} of {len(then)} indexes are new"
    return Outcome.NOT_DONE, f"{change.subject} is as it was"


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return tuple(
        f"DROP INDEX CONCURRENTLY {quote(row['schema'])}.{quote(row['name'])}" for row in _remains(connection, change)
    )


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    """Nothing is to be judged: the index says the same in less room."""
    change = ledger.change
    then = change.detail.get("indexes", {})
    now = {_qualified(row): row["size_bytes"] for row in _rows(connection, change)}
    before, after = sum(bytes for _, bytes in then.values()), sum(now.get(name, 0) for name in then)
    saved = f", {size(before - after)} less" if after < before else ""
    told = f"Rebuilt: {size(before)} before, {size(after)} now{saved}"
    ledger.move(ChangeState.VERIFYING, told, body={"before": before, "after": after}, bytes_before=before,
                bytes_after=after)  # fmt: skip
    return ledger.move(ChangeState.KEPT, told)


def inverse(change: Change) -> Draft | None:
    return None
