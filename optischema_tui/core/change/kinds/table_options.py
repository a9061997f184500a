"""ALTER TABLE .. SET (..), RESET (..) and ALTER COLUMN .. SET STATISTICS: one statement, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds import upkeep
from optischema_tui.core.change.kinds.found import Found, find_table, keepable, not_understood, refuse_rest
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.option_words import COLUMN, TABLE, TOAST, Asked, actions
from optischema_tui.core.change.kinds.words import Words, literal
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NAME = "table_options"
LOCK_DATABASE = ""
MEASURED = Measured.TABLE
_STATEMENT = "ALTER TABLE"
_STOPS_ALL = frozenset({"user_catalog_table"})
"""Options whose change takes ACCESS EXCLUSIVE; all others, and the targets, take SHARE UPDATE EXCLUSIVE (PostgreSQL's
documentation of ALTER TABLE, storage parameters)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One option or one column's statistics target, before and after. None: not set."""

    of: str
    """table, toast or column"""
    name: str
    before: str | None
    after: str | None

    @property
    def told(self) -> str:
        prefix = {TABLE: "", TOAST: "toast.", COLUMN: "the statistics target of "}[self.of]
        return f"{prefix}{self.name}"


def settings_of(change: Change) -> tuple[Setting, ...]:
    return tuple(Setting(**kept) for kept in change.detail["settings"])


@dataclass(frozen=True, slots=True)
class State:
    """What the server has of one table."""

    options: dict[str, dict[str, str]]
    """table and toast: each option and its text, in the server's order."""
    has_toast: bool
    targets: dict[str, str]
    """Every column; empty text for the default target."""

    def value(self, of: str, name: str) -> str | None:
        return (self.targets.get(name) or None) if of == COLUMN else self.options[of].get(name)


def see(connection: psycopg.Connection[Any], oid: int) -> State | None:
    """None when the table is gone. Driver errors pass through."""
    rows = ask(connection, "storage", relation=oid)
    if not rows:
        return None
    targets = ask(connection, "targets", relation=oid)
    return State(
        {TABLE: _pairs(rows[0]["table"]), TOAST: _pairs(rows[0]["toast"])},
        rows[0]["has_toast"],
        {row["name"]: "" if row["target"] < 0 else str(row["target"]) for row in targets},
    )


def _pairs(options: Sequence[str] | None) -> dict[str, str]:
    return {name: value for name, _, value in (option.partition("=") for option in options or ())}


def lock_key(change: Change) -> str:
    return on_table.lock_key(change.schema, change.table)


# --- the draft ---


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not (words.take("ALTER", "TABLE") or words.take("ALTER", "MATERIALIZED", "VIEW")):
        return None
    words.take("IF", "EXISTS")
    only = words.take("ONLY")
    name = words.qualified()
    if name is None:
        raise not_understood(words, _STATEMENT)
    asked = actions(words, _STATEMENT)
    refuse_rest(words, _STATEMENT)
    table = find_table(connection, name)
    state = see(connection, table.oid)
    if state is None:
        raise ChangeRefused(f"The table {table.name} has just gone")
    _refuse(connection, table, state, asked, only)
    settings = tuple(
        setting
        for wanted in asked
        if (setting := Setting(wanted.of, wanted.name, state.value(wanted.of, wanted.name), wanted.value))
        if setting.before != setting.after
    )
    if not settings:
        raise ChangeRefused(f"{table.schema}.{table.name} has these options already", todo="Nothing is to be done")
    back = _way_back(settings, state)
    steps, undo = (_written(table.sql, settings),), (_written(table.sql, back),)
    keepable(*steps, *undo)
    told = ", ".join(setting.told for setting in settings)
    return Draft(
        kind=NAME,
        title=one_line(f"Options of {table.schema}.{table.name}: {told}", 120),
        subject=table.sql,
        steps=steps,
        undo=undo,
        schema=table.schema,
        table=table.name,
        cautions=_cautions(settings),
        detail={
            "table_oid": table.oid,
            "settings": [asdict(setting) for setting in settings],
            "back": [asdict(setting) for setting in back],
        },
    )


def _refuse(
    connection: psycopg.Connection[Any], table: Found, state: State, asked: tuple[Asked, ...], only: bool
) -> None:
    name = f"{table.schema}.{table.name}"
    targets = [wanted for wanted in asked if wanted.of == COLUMN]
    for wanted in targets:
        if wanted.name not in state.targets:
            raise ChangeRefused(f"{name} has no column {one_line(wanted.name, 80)}")
    if any(wanted.of == TOAST for wanted in asked) and not state.has_toast:
        raise ChangeRefused(f"{name} has no TOAST table", "No column of it can hold a long value", "Leave toast. out")
    children = [row["name"] for row in ask(connection, "children", relation=table.oid)]
    first = ", ".join(children[:5]) + (f", and {len(children) - 5} more" if len(children) > 5 else "")
    if table.relkind == "p" and len(targets) < len(asked):
        raise ChangeRefused(
            f"{name} is partitioned and takes no storage options",
            "It has no storage of its own",
            f"Set them on its partitions: {first}" if children else "Set them on its partitions, once it has any",
        )
    if targets and children and not only:
        raise ChangeRefused(
            f"{name} has partitions or children, and the statistics target would reach them all",
            "Each has a target of its own, which the way back could not restore",
            f"Write ALTER TABLE ONLY, and one change for each of: {first}",
        )


def _way_back(settings: tuple[Setting, ...], state: State) -> tuple[Setting, ...]:
    """What restores the server's lists byte for byte: an option that is set moves to their end, so that those which
    stood behind the first changed one are set again too, as they are."""
    back: list[Setting] = []
    for of in (TABLE, TOAST):
        after = {setting.name: setting.after for setting in settings if setting.of == of}
        before = state.options[of]
        back += [Setting(of, name, after[name], None) for name in after if name not in before]
        names = list(before)
        first = next((place for place, name in enumerate(names) if name in after), len(names))
        back += [Setting(of, name, after.get(name, before[name]), before[name]) for name in names[first:]]
    return (*back, *(Setting(s.of, s.name, s.after, s.before) for s in settings if s.of == COLUMN))


def _written(table: str, settings: tuple[Setting, ...]) -> str:
    """The statement that sets each to its `after`."""
    options = [setting for setting in settings if setting.of != COLUMN]
    gone = ", ".join(_option(setting) for setting in options if setting.after is None)
    there = ", ".join(
        f"{_option(setting)} = {literal(setting.after)}" for setting in options if setting.after is not None
    )
    parts = [f"RESET ({gone})"] * bool(gone) + [f"SET ({there})"] * bool(there)
    parts += [
        f"ALTER COLUMN {quote(setting.name)} SET STATISTICS {setting.after or -1}"
        for setting in settings
        if setting.of == COLUMN
    ]
    return f"ALTER TABLE ONLY {table} {', '.join(parts)}"


def _option(setting: Setting) -> str:
    return f"toast.{quote(setting.name)}" if setting.of == TOAST else quote(setting.name)


def _cautions(settings: tuple[Setting, ...]) -> tuple[str, ...]:
    names = {setting.name for setting in settings if setting.of == TABLE}
    told = []
    if "fillfactor" in names:
        told.append(
            "fillfactor holds for pages that are written from now on: those that are full stay so until the table is "
            "rewritten"
        )
    if "toast_tuple_target" in names:
        told.append("toast_tuple_target holds for rows that are written from now on")
    if any(
        setting.name == "autovacuum_enabled" and setting.after in ("off", "false", "no", "0") for setting in settings
    ):
        told.append(
            "Without autovacuum dead rows stay and statistics grow old; only against wraparound does it still come"
        )
    if any(setting.of == COLUMN for setting in settings):
        told.append("A statistics target has no effect before the next ANALYZE of the table")
    if names & _STOPS_ALL:
        told.append("This takes ACCESS EXCLUSIVE for a moment: every read and write of the table waits behind it")
    return tuple(told)


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = upkeep.same_table(facts)
    yield identity
    if on_table.blocked(identity):
        return
    yield upkeep.owner(facts)
    yield unchanged(facts)
    if facts.change.rolls_back:
        yield upkeep.later_changes(facts)
    stops_all = any(setting.of == TABLE and setting.name in _STOPS_ALL for setting in settings_of(facts.change))
    yield from upkeep.waits(facts, upkeep.ACCESS if stops_all else upkeep.SHARE_UPDATE)


def unchanged(facts: Facts) -> Check:
    """Compare and swap: what the statement sets must still be as it was when the statement was written."""
    line = "options unchanged"
    state = see(facts.connection, facts.table["oid"])
    settings = settings_of(facts.change)
    if state is None:
        return block(line, "The table has just gone", "storage")
    now = [state.value(setting.of, setting.name) for setting in settings]
    if now == [setting.before for setting in settings]:
        return ok(line, "They are as they were when this was written", "storage")
    if now == [setting.after for setting in settings]:
        if facts.change.rolls_back:
            return warn(line, "They are back already: only the journal is set right", "storage")
        return block(line, "They are so already: somebody else has set them", "storage")
    told = "; ".join(
        f"{setting.told} is {_said(value)} now and was {_said(setting.before)} when this was written"
        for setting, value in zip(settings, now, strict=True)
        if value != setting.before
    )
    return block(line, f"Somebody else has changed them: {told}. Write the change again", "storage")


def _said(value: str | None) -> str:
    return "not set" if value is None else one_line(value, 40)


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    state = see(connection, int(change.detail["table_oid"]))
    if state is None:
        return {}
    columns = [setting.name for setting in settings_of(change) if setting.of == COLUMN]
    return {"before": {**state.options, "targets": {name: state.targets.get(name, "") for name in columns}}}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return () if outcome(connection, change)[0] is Outcome.DONE else change.steps


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    state = see(connection, int(change.detail["table_oid"]))
    if state is None:
        return Outcome.CONFLICT, f"The table {change.subject} is gone"
    settings = settings_of(change)
    now = [state.value(setting.of, setting.name) for setting in settings]
    if now == [setting.after for setting in settings]:
        return Outcome.DONE, f"The options of {change.subject} are as approved"
    if now == [setting.before for setting in settings]:
        return Outcome.NOT_DONE, f"The options of {change.subject} are as they were"
    other = next(
        f"{setting.told} is {_said(value)}"
        for setting, value in zip(settings, now, strict=True)
        if value != setting.after
    )
    return Outcome.CONFLICT, f"The options of {change.subject} are neither as before nor as approved: {other}"


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return ()


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, "The catalog shows the options")


def inverse(change: Change) -> Draft | None:
    return Draft(
        kind=NAME,
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        schema=change.schema,
        table=change.table,
        detail={
            "table_oid": change.detail["table_oid"],
            "settings": change.detail["back"],
            "back": change.detail["settings"],
        },
    )
