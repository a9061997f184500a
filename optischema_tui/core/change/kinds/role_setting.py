"""ALTER ROLE .. [IN DATABASE ..] SET or RESET of one setting: what sessions of that role begin with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import setting_place
from optischema_tui.core.change.checks import Facts
from optischema_tui.core.change.kinds.kind import Draft, Measured
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.setting_texts import read_wish
from optischema_tui.core.change.settings_seen import Place
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Check

if TYPE_CHECKING:
    import psycopg

NAME = "role_setting"
LOCK_DATABASE = "postgres"
MEASURED = Measured.TARGET
_WHO_RUNS_IT = ("CURRENT_ROLE", "CURRENT_USER", "SESSION_USER", "USER")

lock_key = setting_place.lock_key
pre_image = setting_place.pre_image
remaining = setting_place.remaining
outcome = setting_place.outcome
cleanup = setting_place.cleanup
verify = setting_place.verify
inverse = setting_place.inverse


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    """None too for an ALTER ROLE of something else, such as a password."""
    words = Words(sql)
    if not words.take("ALTER", "ROLE") and not words.take("ALTER", "USER"):
        return None
    if words.next.upper() in _WHO_RUNS_IT:
        raise ChangeRefused(f"{words.next.upper()} may be another role when it is undone", todo="Name the role")
    everybody = words.take("ALL")
    role = "" if everybody else words.name()
    if role is None or not (role or everybody):
        return None
    database: str | None = ""
    if words.take("IN", "DATABASE"):
        database = words.name()
    if database is None:
        raise ChangeRefused("This ALTER ROLE names no database", todo="Write ALTER ROLE name IN DATABASE name SET ..")
    if words.next.upper() not in ("SET", "RESET"):
        return None
    return setting_place.drafted(connection, NAME, read_wish(words, "ALTER ROLE .."), Place(database, role, ""))


def preflight(facts: Facts) -> Iterator[Check]:
    yield from setting_place.preflight(facts, setting_place.role_missing)
