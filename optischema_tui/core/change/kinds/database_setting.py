"""ALTER DATABASE .. SET or RESET of one setting: what sessions of that database begin with."""

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

NAME = "database_setting"
LOCK_DATABASE = "postgres"
MEASURED = Measured.TARGET

lock_key = setting_place.lock_key
pre_image = setting_place.pre_image
remaining = setting_place.remaining
outcome = setting_place.outcome
cleanup = setting_place.cleanup
verify = setting_place.verify
inverse = setting_place.inverse


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not words.take("ALTER", "DATABASE"):
        return None
    database = words.name()
    if not database:
        raise ChangeRefused("This ALTER DATABASE names no database", todo="Write ALTER DATABASE name SET ..")
    return setting_place.drafted(connection, NAME, read_wish(words, "ALTER DATABASE .."), Place(database, "", ""))


def preflight(facts: Facts) -> Iterator[Check]:
    yield from setting_place.preflight(facts, setting_place.owner_missing)
