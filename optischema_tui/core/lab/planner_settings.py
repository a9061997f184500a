"""Planner settings for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import LabError
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

_MORE = frozenset(("work_mem", "hash_mem_multiplier", "effective_io_concurrency", "max_parallel_workers_per_gather"))
"""Settings outside the planner's own categories that it reads."""
_IDLE = {
    "default_statistics_target": "it changes plans only after ANALYZE; ask for another statistics target of a column",
    "plan_cache_mode": "the lab plans each statement anew, generically where it has parameters",
}
_KNOWN = b"""
SELECT category, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings WHERE name = pg_catalog.lower(%s)
"""
_SET = b"SELECT pg_catalog.set_config(%s, %s, false)"


@contextmanager
def settings_set(session: Connection[Any], settings: Mapping[str, str]) -> Iterator[None]:
    """Give `session` other planner settings, and the former ones back. Raises LabError, nothing being changed then."""
    before: dict[str, str] = {}
    try:
        for name, value in settings.items():
            before.setdefault(name, _checked(session, name))
            _set(session, name, value)
        yield
    finally:
        if not session.closed:
            for name, value in before.items():
                _set(session, name, value)


def _checked(session: Connection[Any], name: str) -> str:
    """The present value of a setting that may be changed."""
    import psycopg

    try:
        row = session.execute(_KNOWN, (name,)).fetchone()
    except psycopg.Error as error:
        raise LabError("The lab's planning session was lost", one_line(str(error), 300)) from error
    if row is None:
        raise LabError(f"There is no setting {one_line(name, 80)}")
    category, value = row
    if not (str(category).startswith("Query Tuning") or name.lower() in _MORE):
        raise LabError(
            f"{one_line(name, 80)} is no planner setting",
            f"PostgreSQL lists it under {category}; the lab can only tell what the planner makes of a setting",
        )
    why = "the planner's choice does not depend on it" if name.lower().startswith("jit") else _IDLE.get(name.lower())
    if why:
        raise LabError(f"{one_line(name, 80)} alters no plan here", why)
    return str(value)


def _set(session: Connection[Any], name: str, value: str) -> None:
    import psycopg

    try:
        session.execute(_SET, (name, value))
    except psycopg.Error as error:
        if session.closed:
            raise LabError("The lab's planning session was lost", one_line(str(error), 300)) from error
        raise LabError(
            f"The setting {one_line(name, 80)} cannot be {one_line(value, 80)}",
            one_line(error.diag.message_primary or str(error), 300),
        ) from None
