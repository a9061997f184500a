"""What the settings of a database, of a role, and of a role in a database have in common: one row of
pg_db_role_setting, which one statement writes or leaves as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table, setting_checks
from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.checks import Facts, block, ok
from optischema_tui.core.change.kinds.kind import Draft, Outcome
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.setting_texts import Wish, same_text
from optischema_tui.core.change.settings_seen import Place, changeable, in_place, places, see_setting
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NEW_SESSIONS = (
    "Sessions that begin from now on get it. Those that are connected keep what they have; behind a pooler that lasts "
    "until its server connections are renewed"
)
_STATEMENT = ("user", "superuser")
"""Contexts of settings that a session may have for itself."""
Missing = Callable[[Facts, dict[str, Any]], list[str]]
"""Gives the GRANTs that a role lacks; the dict is a row of setting_rights."""


def place_of(change: Change) -> Place:
    """Where the change puts its value, and that value ('' for none)."""
    detail = change.detail
    return Place(str(detail.get("database", "")), str(detail.get("role", "")), str(detail.get("value", "")))


def lock_key(change: Change) -> str:
    place = place_of(change)
    return f"setting {change.detail.get('setting', '')} {quote(place.database)} {quote(place.role)}"


def drafted(connection: psycopg.Connection[Any], kind: str, wish: Wish, place: Place) -> Draft:
    """The change of `place` that `wish` asks for. Raises ChangeRefused."""
    setting = changeable(connection, wish.name)
    if setting.context not in _STATEMENT:
        raise ChangeRefused(
            f"{setting.name} is set for the whole server only",
            f"Its context is {setting.context}",
            f"Write ALTER SYSTEM SET {setting.name} = ..",
        )
    if gone := _not_there(connection, place):
        raise ChangeRefused(gone)
    wanted = setting_checks.wanted_of(setting, wish)
    before = in_place(connection, setting.name, place.database, place.role)
    setting_checks.refuse_nothing(setting, before, wanted, str(place))
    head = statement_head(place)
    return Draft(
        kind=kind,
        title=setting_checks.title_of(setting.name, wanted, f"for {place}"),
        subject=f"{setting.name} of {place}",
        steps=(f"{head} {setting_checks.assignment(setting.name, wanted)}",),
        undo=(f"{head} {setting_checks.assignment(setting.name, before)}",),
        cautions=(NEW_SESSIONS,),
        detail=setting_checks.kept(setting, before, wanted, database=place.database, role=place.role),
    )


def statement_head(place: Place) -> str:
    """ALTER DATABASE d, ALTER ROLE r, ALTER ROLE r IN DATABASE d or ALTER ROLE ALL."""
    if place.role and place.database:
        return f"ALTER ROLE {quote(place.role)} IN DATABASE {quote(place.database)}"
    if place.role:
        return f"ALTER ROLE {quote(place.role)}"
    return f"ALTER DATABASE {quote(place.database)}" if place.database else "ALTER ROLE ALL"


def _not_there(connection: psycopg.Connection[Any], place: Place) -> str:
    """That the database or the role does not exist, one sentence; empty when they do."""
    if place.database and not ask(connection, "setting_database", database=place.database):
        return f"There is no database {one_line(place.database, 70)}"
    if place.role and not ask(connection, "setting_role", role=place.role):
        return f"There is no role {one_line(place.role, 70)}"
    return ""


# --- preflight ---


def preflight(facts: Facts, missing: Missing) -> Iterator[Check]:
    for line in setting_checks.value_lines(facts):
        yield line
        if on_table.blocked(line):
            return
    place, name = place_of(facts.change), str(facts.change.detail["setting"])
    if gone := _not_there(facts.connection, place):
        yield block("database and role", gone, "setting_places")
        return
    yield _privileges(facts, missing)
    now = in_place(facts.connection, name, place.database, place.role)
    yield setting_checks.unchanged(facts.change, now, str(place), "setting_places")
    winning = tuple(other for other in places(facts.connection, name) if _wins(other, place))
    yield setting_checks.overriding(winning, "These are nearer to a session, and win over it")
    yield ok("new sessions only", NEW_SESSIONS)


def _privileges(facts: Facts, missing: Missing) -> Check:
    line, name = "privilege to do and undo", str(facts.change.detail["setting"])
    rights = facts.ask("setting_rights", name=name)[0]
    role = quote(rights["role"])
    needs = [] if rights["superuser"] else missing(facts, rights)
    setting = see_setting(facts.connection, name)
    if setting is not None and setting.context == "superuser" and not rights["may_set"]:
        if facts.connection.info.server_version < 150000:
            needs.append("a superuser: before PostgreSQL 15 nobody else may set it")
        else:
            needs.append(f"GRANT SET ON PARAMETER {name} TO {role}")
    if needs:
        return block(line, f"Role {role} cannot make and undo this; it needs: {'; '.join(needs)}", "setting_rights")
    return ok(line, f"Role {role} may set it there, and take it back", "setting_rights")


def owner_missing(facts: Facts, rights: dict[str, Any]) -> list[str]:
    """Only its owner gives a database settings."""
    database = facts.ask("setting_database", database=place_of(facts.change).database)[0]
    if database["owns"]:
        return []
    if database["owner_is_superuser"]:
        return ["a superuser, since one owns the database; an ordinary role would do as its owner"]
    return [f"GRANT {quote(database['owner'])} TO {quote(rights['role'])}"]


def role_missing(facts: Facts, rights: dict[str, Any]) -> list[str]:
    """A role gives itself settings; for another one it must administer it; for all, be a superuser."""
    place, me = place_of(facts.change), quote(rights["role"])
    if not place.role:
        return owner_missing(facts, rights) if place.database else ["a superuser: it concerns all roles"]
    role = facts.ask("setting_role", role=place.role)[0]
    if role["superuser"]:
        return ["a superuser: the role is one"]
    if role["self"]:
        return []
    needs = [] if role["may_create_roles"] else [f"ALTER ROLE {me} CREATEROLE"]
    if not role["administers"] and facts.connection.info.server_version >= 160000:
        needs.append(f"GRANT {quote(place.role)} TO {me} WITH ADMIN OPTION")
    return needs


def _wins(other: Place, mine: Place) -> bool:
    """Whether sessions that `mine` is for may be given `other` instead."""
    apart = (mine.database and other.database and mine.database != other.database) or (
        mine.role and other.role and mine.role != other.role
    )
    return not apart and other.nearness > mine.nearness


# --- the way through ---


def _now(connection: psycopg.Connection[Any], change: Change) -> str | None:
    place = place_of(change)
    return in_place(connection, str(change.detail["setting"]), place.database, place.role)


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    return {}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    done = same_text(str(change.detail["setting"]), _now(connection, change), change.detail.get("wanted"))
    return () if done else change.steps


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    return setting_checks.stored_outcome(change, _now(connection, change), str(place_of(change)))


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return ()


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, f"It is stored for {place_of(ledger.change)}. {NEW_SESSIONS}")


def inverse(change: Change) -> Draft | None:
    return Draft(
        kind=change.kind,
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        detail=setting_checks.turned(change),
    )
