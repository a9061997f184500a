"""ALTER SYSTEM SET or RESET of one setting, and the reload that makes it count.

What is compared and put back is the line of postgresql.auto.conf: absent, or present with exactly that text. The value
in force says nothing of where it came from.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table, setting_checks
from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.manual import manual_draft
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.setting_texts import read_wish, same_text, shown
from optischema_tui.core.change.settings_seen import (
    LOOK_SECONDS,
    Force,
    changeable,
    in_auto_file,
    keeper,
    newer_session,
    places,
    running,
    see_setting,
    told_error,
)
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote

if TYPE_CHECKING:
    import psycopg

NAME = "system_setting"
LOCK_DATABASE = "postgres"
MEASURED = Measured.TARGET
RELOAD = "SELECT pg_reload_conf()"
_WHERE = "postgresql.auto.conf"
_LOOK_AGAIN = 0.05


def lock_key(change: Change) -> str:
    return f"setting {change.detail.get('setting', '')}"


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not words.take("ALTER", "SYSTEM"):
        return None
    wish = read_wish(words, "ALTER SYSTEM")
    setting = changeable(connection, wish.name)
    wanted = setting_checks.wanted_of(setting, wish)
    if (place := keeper(connection)) is not None:
        return manual_draft(setting, wanted, place)
    if missing := _file_grants(ask(connection, "setting_rights", name=setting.name)[0]):
        raise ChangeRefused(
            "What stands in postgresql.auto.conf cannot be read, so that there is no exact way back",
            "pg_file_settings is closed to this role",
            f"Run as a superuser: {'; '.join(missing)}",
        )
    before = in_auto_file(connection, setting.name)
    setting_checks.refuse_nothing(setting, before, wanted, _WHERE)
    cautions = [f"It concerns the whole server: {setting.name} is {shown(setting.shape, setting.now)} now"]
    if setting.needs_restart:
        cautions.append(
            "It takes effect when the server is restarted, which this program never does. If the server then does not "
            f"start, take the line of {setting.name} out of postgresql.auto.conf in its data directory"
        )
    if setting.context in ("backend", "superuser-backend"):
        cautions.append("Sessions that are connected keep what they have; new ones get the new value")
    return Draft(
        kind=NAME,
        title=setting_checks.title_of(setting.name, wanted),
        subject=setting.name,
        steps=_steps(setting.name, wanted),
        undo=_steps(setting.name, before),
        cautions=tuple(cautions),
        detail=setting_checks.kept(setting, before, wanted, needs_restart=setting.needs_restart),
    )


def _steps(name: str, text: str | None) -> tuple[str, ...]:
    return f"ALTER SYSTEM {setting_checks.assignment(name, text)}", RELOAD


def _file_grants(rights: dict[str, Any]) -> list[str]:
    """The GRANTs that let the role read what the configuration files say."""
    role, missing = quote(rights["role"]), []
    if not rights["sees_view"]:
        missing.append(f"GRANT SELECT ON pg_catalog.pg_file_settings TO {role}")
    if not rights["sees_function"]:
        missing.append(f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO {role}")
    return missing


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    for line in setting_checks.value_lines(facts):
        yield line
        if on_table.blocked(line):
            return
    yield whose_configuration(facts)
    rights = privileges(facts)
    yield rights
    if on_table.blocked(rights):
        return
    now = in_auto_file(facts.connection, _name(facts.change))
    yield setting_checks.unchanged(facts.change, now, _WHERE, "setting_files")
    yield files_are_sound(facts)
    yield what_wins(facts)
    yield from restart(facts)


def _name(change: Change) -> str:
    return str(change.detail.get("setting", ""))


def whose_configuration(facts: Facts) -> Check:
    line, place = "who keeps the settings", keeper(facts.connection)
    if place is None:
        return ok(line, "Nothing shows that another program writes this server's configuration", "setting_keeper")
    return block(line, f"{place.name}: settings are changed in {place.place}", "setting_keeper")


def privileges(facts: Facts) -> Check:
    line, name = "privilege to do and undo", _name(facts.change)
    rights = facts.ask("setting_rights", name=name)[0]
    role, missing = quote(rights["role"]), _file_grants(rights)
    if not rights["may_alter_system"]:
        if facts.connection.info.server_version < 150000:
            return block(line, f"Role {role} is no superuser: before PostgreSQL 15 nobody else may ALTER SYSTEM")
        missing.append(f"GRANT ALTER SYSTEM ON PARAMETER {name} TO {role}")
    if not rights["may_reload"]:
        missing.append(f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO {role}")
    if missing:
        return block(line, f"Role {role} cannot make, undo and check this; it needs: {'; '.join(missing)}")
    return ok(line, f"Role {role} may ALTER SYSTEM, reload, and see the result", "setting_rights")


def files_are_sound(facts: Facts) -> Check:
    line, rows = "configuration files", facts.ask("setting_file_errors")
    stopping = [row for row in rows if row["stops_all"]]
    if stopping:
        return block(
            line, f"The server would apply nothing, because of {told_error(stopping[0])}", "setting_file_errors"
        )
    if rows:
        return warn(line, f"The server refuses {told_error(rows[0])}", "setting_file_errors")
    return ok(line, "The server accepts every line of its files", "setting_file_errors")


def what_wins(facts: Facts) -> Check:
    setting = see_setting(facts.connection, _name(facts.change))
    if setting is not None and setting.source in ("command line", "environment variable"):
        return warn(
            "overrides", f"The server was started with {setting.name} on its {setting.source}: that wins", "setting"
        )
    found = places(facts.connection, _name(facts.change))
    return setting_checks.overriding(found, "These have a setting of their own, which wins for their sessions")


def restart(facts: Facts) -> Iterator[Check]:
    setting = see_setting(facts.connection, _name(facts.change))
    if setting is None or not setting.needs_restart:
        return
    pending = " A change of it waits for the restart already." if setting.pending_restart else ""
    yield warn(
        "restart",
        f"Two steps: this writes and reloads, and the value stays {shown(setting.shape, setting.now)} until a person "
        f"restarts the server.{pending}",
        "setting",
    )
    if setting.name in setting_checks.STANDBY_FIRST:
        count = facts.ask("setting_standbys")[0]["standbys"]
        yield warn(
            "standbys",
            f"A standby must never have less of {setting.name} than its primary: raise it on every standby first, and "
            f"lower it on the primary first ({count} connected)",
            "setting_standbys",
        )


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    setting = see_setting(connection, _name(change))
    if setting is None:
        return {}
    seen = {"value": setting.now, "source": setting.source, "pending_restart": setting.pending_restart}
    return {"in_force_before": seen, "loaded_at": ask(connection, "setting_loaded")[0]["at"]}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    if not same_text(_name(change), in_auto_file(connection, _name(change)), change.detail.get("wanted")):
        return change.steps
    return () if _loaded(connection, change) else change.steps[1:]


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    """What the file says, and whether the server has read it. That another source wins over it is for `verify`."""
    found, reason = setting_checks.stored_outcome(change, in_auto_file(connection, _name(change)), _WHERE)
    if found is not Outcome.DONE:
        return found, reason
    if just_ran:
        _await_reload(connection, change)
        return found, f"{reason}. {running(connection, _name(change), LOOK_SECONDS).why}"
    if _loaded(connection, change):
        return found, reason
    return Outcome.PART, f"{reason}, but the server has not been told to read it"


def _loaded(connection: psycopg.Connection[Any], change: Change) -> bool:
    """Whether the server has read its files since the change was written there, as far as that shows."""
    found = running(connection, _name(change), seconds=0.2)
    if found.force is not Force.OVERRIDDEN:
        return found.force in (Force.YES, Force.RESTART)
    before = change.detail.get("loaded_at")
    return before is not None and float(ask(connection, "setting_loaded")[0]["at"]) > float(before)


def _await_reload(connection: psycopg.Connection[Any], change: Change) -> None:
    """Wait until the server has read its files after the intent: until then it tells of a setting that needs a restart
    what it told before."""
    before = change.detail.get("loaded_at")
    if before is None or not change.detail.get("needs_restart"):
        return
    deadline, pause = SYSTEM.monotonic() + LOOK_SECONDS, threading.Event()
    while SYSTEM.monotonic() < deadline:
        with newer_session(connection) as session:
            if float(ask(session, "setting_loaded")[0]["at"]) > float(before):
                return
        pause.wait(_LOOK_AGAIN)


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return ()


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    """What needs a restart stays `applied` until the server was restarted: its effect is measured from then on."""
    change = ledger.change
    waited = bool(change.detail.get("waits_restart"))
    start = ask(connection, "setting_started")[0]
    restarted = waited and float(start["at"]) > float(change.detail.get("server_started", 0.0))
    stored, told = setting_checks.stored_outcome(change, in_auto_file(connection, _name(change)), _WHERE)
    if stored is not Outcome.DONE:
        since = "The server was restarted without it" if restarted else "It was written, and is not there any more"
        return ledger.move(ChangeState.NEEDS_ATTENTION, f"{since}: {told}", waits_restart=False)
    found = running(connection, _name(change), LOOK_SECONDS)
    body = {"force": str(found.force)}
    if found.force is Force.YES and restarted:
        at = ledger.clock.wall() - float(start["seconds_ago"])
        told = f"The server was restarted. {found.why}"
        return ledger.move(ChangeState.VERIFYING, told, body=body, waits_restart=False, applied_at=at)
    if found.force is Force.YES:
        return ledger.move(ChangeState.VERIFYING, found.why, body=body)
    if found.force is Force.RESTART:
        return change if waited and not restarted else _wait_for_restart(ledger, float(start["at"]), found.why)
    done = "The server was restarted" if restarted else "It is written and the server was told"
    return ledger.move(ChangeState.NEEDS_ATTENTION, f"{done}. {found.why}", body=body, waits_restart=False)


def _wait_for_restart(ledger: Ledger, started: float, why: str) -> Change:
    """`started` is when the server that still runs began, by its own clock, seconds since 1970. Nothing counts as
    measured meanwhile."""
    return ledger.move(
        ChangeState.APPLIED, f"It waits for the server's restart. {why}", body={"force": str(Force.RESTART)},
        waits_restart=True, server_started=started, applied_at=0.0,
    )  # fmt: skip


def inverse(change: Change) -> Draft | None:
    return Draft(
        kind=NAME,
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        detail=setting_checks.turned(change),
    )
