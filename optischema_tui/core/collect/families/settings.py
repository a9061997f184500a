"""The server's settings with where they come from."""

from __future__ import annotations

from dataclasses import replace

from optischema_tui.core.collect.families.question import Kind, Question, column, columns
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.models import Reading
from optischema_tui.core.safe_text import redact

_TIMEOUT = 6.0
_WITHHELD = ("_command", "conninfo", "passphrase", "secret", "token")
"""Settings named so may hold a secret in a form that nobody can know."""

SETTINGS = Question(
    "settings",
    (
        *columns("s", Kind.TEXT, "name"),
        column("setting", Kind.TEXT, "CASE WHEN s.source = 'session' THEN s.reset_val ELSE s.setting END"),
        *columns("s", Kind.TEXT, "unit"),
        column(
            "source",
            Kind.TEXT,
            "CASE WHEN s.source <> 'session' THEN s.source WHEN s.reset_val = s.boot_val THEN 'default' END",
        ),
        *columns("s", Kind.TEXT, "sourcefile"),
        *columns("s", Kind.INT, "sourceline"),
        *columns("s", Kind.TEXT, "boot_val reset_val context vartype"),
        *columns("s", Kind.BOOL, "pending_restart"),
    ),
    views={"s": "pg_settings"},
    needs="pg_settings",
)
"""Values in the setting's own `unit`. What our session has set for itself is told as others get it; its `source` is
then None unless it is the default. `sourcefile` is None without pg_read_all_settings, and settings that are hidden from
this role are not there. Secrets are left out; of commands and connection strings only whether they are set is told."""


async def _read(source: Source) -> Reading:
    reading = await SETTINGS.read(source, _TIMEOUT)
    places = [place for place, name in enumerate(reading.columns) if name in ("setting", "boot_val", "reset_val")]
    return replace(reading, rows=tuple([_without_secrets(row, places) for row in reading.rows]))


def _without_secrets(row: tuple[object, ...], places: list[int]) -> tuple[object, ...]:
    withheld = any(part in str(row[0]) for part in _WITHHELD)
    values = list(row)
    for place in places:
        value = values[place]
        if isinstance(value, str) and value:
            values[place] = "(set)" if withheld else redact(value)
    return tuple(values)


FAMILY = Family("settings", "Settings", 3600.0, _TIMEOUT, Lane.SLOW, _read)
