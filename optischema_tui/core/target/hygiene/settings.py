"""What advice about settings asks a target for, in one session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optischema_tui.core.target.hygiene.rows import PACKAGE, ask
from optischema_tui.core.target.session import reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows by column name, each as `queries/settings_<field>.sql` has them."""

    moment: Row
    all: list[Row]
    checkpoints: Row
    databases: list[Row]
    files: list[Row] = field(default_factory=list)
    """Empty where this role may not read them."""
    own: list[Row] = field(default_factory=list)
    tables: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    statements: list[Row] = field(default_factory=list)
    """Empty where pg_stat_statements is not to be had."""
    statements_reset: float | None = None
    """Seconds since 1970 by the server's clock; None unknown."""


def read_settings(spec: TargetSpec) -> Seen:
    """Raises TargetError, AuthError or ServerLost."""
    with reading(spec) as connection:
        moment = ask(connection, "settings_moment")[0]
        places = ask(connection, "settings_extension")
        schema = places[0]["schema"] if places else ""
        return Seen(
            moment=moment,
            all=ask(connection, "settings_all"),
            checkpoints=ask(connection, "settings_checkpoints")[0],
            databases=ask(connection, "settings_databases"),
            files=ask(connection, "settings_files") if moment["sees_files"] else [],
            own=ask(connection, "settings_own"),
            tables=ask(connection, "settings_tables"),
            sessions=ask(connection, "settings_sessions"),
            statements=_ask_in(connection, "settings_statements", schema) if schema else [],
            statements_reset=_ask_in(connection, "settings_statements_reset", schema)[0]["reset"] if schema else None,
        )


def _ask_in(connection: psycopg.Connection[Any], name: str, schema: str) -> list[Row]:
    """`ask` with `{schema}` filled in, which is quoted already."""
    text = load(PACKAGE, name, connection.info.server_version).replace("{schema}", schema)
    cursor = connection.execute(text.encode(), prepare=False)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]
