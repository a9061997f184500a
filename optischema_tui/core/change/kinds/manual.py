"""A change that a person makes elsewhere: this program prints the steps, and then looks whether the value is in force.

No statement is of this kind. Other kinds hand a change over where the server's settings are kept by somebody else.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.setting_texts import same_value, shown
from optischema_tui.core.change.settings_seen import (
    LOOK_SECONDS,
    Keeper,
    Setting,
    newer_session,
    see_setting,
)
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    import psycopg

NAME = "manual"
LOCK_DATABASE = "postgres"
MEASURED = Measured.TARGET
_LOOK_AGAIN = 0.1


def lock_key(change: Change) -> str:
    return f"setting {change.detail.get('setting', '')}"


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    return None


def manual_draft(setting: Setting, wanted: str | None, place: Keeper) -> Draft:
    """The change of `setting` to `wanted`, None for the default, as steps that a person follows in `place`. The way
    back leads to the value that is in force now. Raises ChangeRefused when `wanted` is in force already."""
    name, now = setting.name, shown(setting.shape, setting.now)
    if wanted is not None and same_value(setting.shape, wanted, setting.now):
        raise ChangeRefused(f"There is nothing to change: {name} is {now} already")
    value = None if wanted is None else one_line(wanted)
    return Draft(
        kind=NAME,
        title=f"By hand: {_told(name, value)}",
        subject=name,
        steps=_steps(setting, value, place),
        undo=_steps(setting, now, place),
        cautions=(
            f"{place.name}: settings are changed in {place.place}. This program sends nothing; it looks afterwards "
            "whether the value is in force",
            f"{name} is {now} now; whether somebody has set that, or it is a default, only {place.name} knows",
        ),
        detail={
            "setting": name,
            "value": value or "",
            "wanted": value,
            "before": now,
            "unit": setting.shape.unit,
            "default": setting.built_in,
            "by_hand": True,
        },
    )


def _told(name: str, value: str | None) -> str:
    return f"{name} back to its default" if value is None else f"{name} = {value}"


def _steps(setting: Setting, value: str | None, place: Keeper) -> tuple[str, ...]:
    name = setting.name
    act = f"Take {name} out of" if value is None else f"Set {name} to {value} in"
    steps = [f"-- {act} {place.place}"]
    if place.cluster:
        given = shlex.quote(f"{name}={'null' if value is None else value}")
        steps.append(f"-- patronictl edit-config {shlex.quote(place.cluster)} -p {given}")
    if setting.needs_restart:
        steps.append("-- Restart the server there, when it suits those who use it")
    return (*steps, "-- Then say here that it is done: it is looked for, and nothing is sent")


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    change = facts.change
    name = str(change.detail.get("setting", ""))
    setting = see_setting(facts.connection, name)
    if setting is None:
        yield block("setting", f"The server knows no setting {one_line(name, 60)}", "setting")
        return
    now = shown(setting.shape, setting.now)
    yield ok("setting", f"{name} is {now} now", "setting")
    if setting.pending_restart:
        yield warn("restart", f"A change of {name} waits for the server's restart already", "setting")
    elif setting.needs_restart:
        yield warn("restart", f"{name} takes effect when the server is restarted", "setting")
    yield ok("by hand", "Nothing is sent to the server: it is only looked at")


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    setting = see_setting(connection, str(change.detail.get("setting", "")))
    return {} if setting is None else {"seen_before": shown(setting.shape, setting.now)}


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return ()


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    """Whether the value is in force for a session that begins now; after the person has said so, a few seconds may
    pass until it is."""
    deadline = SYSTEM.monotonic() + (LOOK_SECONDS if just_ran else 0.0)
    pause = threading.Event()
    while True:
        with newer_session(connection) as session:
            found, why = _in_force(session, change)
        if found is Outcome.DONE or SYSTEM.monotonic() >= deadline:
            return found, why
        pause.wait(_LOOK_AGAIN)


def _in_force(session: psycopg.Connection[Any], change: Change) -> tuple[Outcome, str]:
    name, wanted = str(change.detail.get("setting", "")), change.detail.get("wanted")
    setting = see_setting(session, name)
    if setting is None:
        return Outcome.CONFLICT, f"The server knows no setting {one_line(name, 60)} any more"
    now = shown(setting.shape, setting.now)
    before, default = (str(change.detail.get(key, "")) for key in ("before", "default"))
    if wanted is None:  # the default there need not be PostgreSQL's own: any other value than before is taken for it
        there = same_value(setting.shape, default, setting.now) or not same_value(setting.shape, before, setting.now)
    else:
        there = same_value(setting.shape, str(wanted), setting.now)
    if there:
        return Outcome.DONE, f"Sessions that begin now have {name} = {now}"
    if setting.pending_restart:
        return Outcome.NOT_YET, f"{name} is {now} until the server is restarted"
    return Outcome.NOT_YET, f"{name} is {now}, not {'its default' if wanted is None else one_line(str(wanted), 60)}"


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return ()


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    """What was found unasked was done at some time since the approval: that time is compared with nothing."""
    change = ledger.change
    begun = float(change.detail.get("intent_at") or 0.0) or change.approved_at
    told = f"{change.detail.get('setting', '')} was set by hand and is in force"
    return ledger.move(ChangeState.VERIFYING, told, intent_at=begun)


def inverse(change: Change) -> Draft | None:
    detail = change.detail
    return Draft(
        kind=NAME,
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        detail={
            **{key: detail.get(key, "") for key in ("setting", "unit", "default")},
            "value": detail.get("before") or "",
            "wanted": detail.get("before"),
            "before": detail.get("wanted") if detail.get("wanted") is not None else detail.get("default", ""),
            "by_hand": True,
        },
    )
