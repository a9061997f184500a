"""VACUUM of one table, never FULL, and never giving back space unasked. There is nothing that could be undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.checks import Facts, ok, warn
from optischema_tui.core.change.kinds import analyze, ran
from optischema_tui.core.change.kinds.found import column_list, find_table, not_understood, refuse_rest
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.words import Words, literal
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NAME = "vacuum"
LOCK_DATABASE = ""
MEASURED = Measured.TABLE
_TRUE, _FALSE = ("true", "on", "1"), ("false", "off", "0")
_SWITCHES = frozenset(
    ("FREEZE", "ANALYZE", "TRUNCATE", "PROCESS_TOAST", "DISABLE_PAGE_SKIPPING", "VERBOSE", "FULL", "SKIP_LOCKED")
)
_VALUES = ("INDEX_CLEANUP", "PARALLEL", "BUFFER_USAGE_LIMIT")
_OLD_XIDS, _OLD_SECONDS = 10_000, 60
"""A snapshot that is older than this, by transactions or by time, is worth a warning."""

lock_key = analyze.lock_key
remaining = analyze.remaining
pre_image = analyze.pre_image
cleanup = analyze.cleanup
inverse = analyze.inverse


# --- the draft ---


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not words.take("VACUUM"):
        return None
    options = _listed(words) if words.take("(") else _plain(words)
    _refuse(options)
    if words.ended:
        raise analyze.whole_database("VACUUM")
    name = words.qualified()
    if name is None:
        raise not_understood(words, "VACUUM")
    columns = column_list(words, "VACUUM")
    analyze.one_table_only(words, "VACUUM")
    refuse_rest(words, "VACUUM")
    analyzes = options.get("ANALYZE") == "true"
    if columns and not analyzes:
        raise ChangeRefused("Columns are for ANALYZE only", todo="Write VACUUM (ANALYZE) table (columns)")
    table = find_table(connection, name)
    cautions = _cautions(options)
    options.pop("VERBOSE", None)
    only = f" ({', '.join(map(quote, columns))})" if columns else ""
    written = ", ".join(f"{option} {value}" for option, value in sorted(({"TRUNCATE": "false"} | options).items()))
    return Draft(
        kind=NAME,
        title=f"Vacuum {table.schema}.{table.name}",
        subject=table.sql,
        steps=(f"VACUUM ({written}) {table.sql}{only}",),
        undo=(),
        schema=table.schema,
        table=table.name,
        cautions=cautions,
        detail={"table_oid": table.oid, "analyzes": analyzes},
    )


def _plain(words: Words) -> dict[str, str]:
    """The old spelling, without parentheses: FULL, FREEZE, VERBOSE, ANALYZE in this order."""
    return {option: "true" for option in ("FULL", "FREEZE", "VERBOSE", "ANALYZE") if words.take(option)}


def _listed(words: Words) -> dict[str, str]:
    """option: its value, written as SQL."""
    found: dict[str, str] = {}
    while True:
        option = (words.name() or "").upper()
        value = None if words.next in (",", ")") else words.literal()
        written = _value(option, value)
        if written is None or option in found:
            raise not_understood(words, "VACUUM")
        found[option] = written
        if words.take(")"):
            return found
        if not words.take(","):
            raise not_understood(words, "VACUUM")


def _value(option: str, value: str | None) -> str | None:
    """The value as SQL; None when the option or its value is not taken."""
    text = (value or "").lower()
    if option in _SWITCHES or (option == "INDEX_CLEANUP" and text != "auto"):
        if value is None or text in _TRUE:
            return "true"
        return "false" if text in _FALSE else None
    if option == "INDEX_CLEANUP":
        return "auto"
    if option == "PARALLEL":
        return text if text.isascii() and text.isdigit() and len(text) < 5 else None
    return literal(value) if option in _VALUES and value else None


def _refuse(options: dict[str, str]) -> None:
    if options.get("FULL") == "true":
        raise ChangeRefused(
            "VACUUM FULL is not carried out",
            "It holds ACCESS EXCLUSIVE while it copies the table: every read and write of it waits till the end, and "
            "it needs the table's size on disk once more",
            "pg_repack and pg_squeeze do the same while the table stays in use",
        )
    options.pop("FULL", None)
    if options.pop("SKIP_LOCKED", "false") == "true":
        raise analyze.skip_locked("VACUUM")


def _cautions(options: dict[str, str]) -> tuple[str, ...]:
    told = ["There is nothing to undo: it removes only what nobody can see any more"]
    if options.get("TRUNCATE") == "true":
        told.append(
            "TRUNCATE gives back empty pages at the table's end under ACCESS EXCLUSIVE: it gives way to others on this "
            "server, but on a standby it waits for the queries of the table, or cancels them"
        )
    elif "TRUNCATE" not in options:
        told.append(
            "TRUNCATE false is added: to give back empty pages at the table's end takes ACCESS EXCLUSIVE. Write "
            "TRUNCATE true if that is wanted"
        )
    if options.get("FREEZE") == "true":
        told.append("FREEZE writes every page that is not frozen yet, and as much WAL")
    if options.get("INDEX_CLEANUP") == "false":
        told.append("INDEX_CLEANUP false leaves the dead entries in the indexes: for an emergency only")
    if options.get("ANALYZE") == "true":
        told.append(analyze.PLANS_MAY_CHANGE)
    return tuple(told)


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    yield from analyze.preflight(facts)
    if facts.table:
        yield horizon(facts)


def horizon(facts: Facts) -> Check:
    """Whether dead rows can go at all."""
    line = "dead rows can go"
    with facts.as_login():
        rows = facts.ask("horizons", xids=_OLD_XIDS, seconds=_OLD_SECONDS)
        sees_all = facts.ask("sees_activity")[0]["sees_all"]
    if rows:
        told = "; ".join(
            f"{row['what']} {one_line(row['name'], 80)}, {row['xids']} transactions old"
            + (f", {row['seconds']} s" if row["seconds"] else "")
            for row in rows
        )
        return warn(line, f"What died after these began stays, so that it may do little: {told}", "horizons")
    if not sees_all:
        return warn(
            line, "Other roles' transactions are hidden from us: GRANT pg_read_all_stats shows them", "sees_activity"
        )
    return ok(line, "No old snapshot, slot or prepared transaction keeps them", "horizons")


# --- the way through ---


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    counters = (ran.VACUUMED, ran.ANALYZED) if change.detail.get("analyzes") else (ran.VACUUMED,)
    return ran.ran(connection, change, counters, just_ran=just_ran)


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, "The table has been vacuumed")
