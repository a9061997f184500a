"""What the server says about one setting: its shape, where it is written, who overrides it, and what is in force."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.setting_texts import Shape, same_value, shown
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.policy.settings import never
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.environment import recognise
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

LOOK_SECONDS = 5.0
"""How long a reload may take to reach a new session; 40 ms is usual."""
_LOOK_AGAIN = 0.05
_STATEMENT_MS = 5000
_PATRONI_SETTINGS = 3
"""So many settings of a cluster on the command line are Patroni's, and nobody's by hand."""
_OVERRIDES = {
    "command line": "the command line that starts the server",
    "environment variable": "the environment that starts the server",
    "client": "an option of this program's own connection",
}
"""Sources in pg_settings that win over every file, in words; the rest stands in pg_db_role_setting."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of pg_settings."""

    shape: Shape
    context: str
    """internal, postmaster, sighup, superuser-backend, backend, superuser or user"""
    source: str
    now: str
    """What a session begins with, in the setting's own unit."""
    built_in: str
    pending_restart: bool

    @property
    def name(self) -> str:
        return self.shape.name

    @property
    def needs_restart(self) -> bool:
        return self.context == "postmaster"


@dataclass(frozen=True, slots=True)
class Place:
    """The setting as sessions of a database, a role or both get it; an empty name means all of them."""

    database: str
    role: str
    text: str

    @property
    def nearness(self) -> int:
        """The nearer one wins: all, then the database, then the role, then the role in the database."""
        return 2 * bool(self.role) + bool(self.database)

    def __str__(self) -> str:
        role = f"role {one_line(self.role, 70)}" if self.role else ""
        database = f"database {one_line(self.database, 70)}" if self.database else ""
        return " in ".join(filter(None, (role, database))) or "all roles"


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who writes the configuration of this server, so that ALTER SYSTEM is not for us."""

    name: str
    place: str
    """Where a person changes settings: 'in ...'."""
    cluster: str = ""
    """Patroni's name of the cluster."""


# --- the setting ---


def see_setting(connection: psycopg.Connection[Any], name: str) -> Setting | None:
    """None when the server knows no such setting. Driver errors pass through."""
    rows = ask(connection, "setting", name=name)
    if not rows:
        return None
    row = rows[0]
    shape = Shape(row["name"], row["vartype"], row["unit"], row["min_val"], row["max_val"], tuple(row["enumvals"]))
    return Setting(shape, row["context"], row["source"], row["reset_val"], row["boot_val"], row["pending_restart"])


def changeable(connection: psycopg.Connection[Any], name: str) -> Setting:
    """The setting, when it is one that this program may change at all. Raises ChangeRefused."""
    told = one_line(name, 60)
    if never(name):
        raise ChangeRefused(
            f"{told} is never changed by this program",
            "It guards the data, the access to it, or what the server runs",
            "When it is what you want, do it by hand",
        )
    setting = see_setting(connection, name)
    if setting is None:
        raise ChangeRefused(
            f"The server knows no setting {told}",
            "Those of an extension are known to sessions that have loaded its library",
            "Look at the names in pg_settings",
        )
    if setting.context == "internal":
        raise ChangeRefused(f"{told} cannot be changed", "It was fixed when the server was built or initialised")
    return setting


# --- where it is written ---


def in_auto_file(connection: psycopg.Connection[Any], name: str) -> str | None:
    """The text that postgresql.auto.conf has for it; None when it has none. The role must see pg_file_settings."""
    mine = [row["setting"] for row in ask(connection, "setting_files", name=name) if row["auto"]]
    return str(mine[-1]) if mine else None


def places(connection: psycopg.Connection[Any], name: str) -> tuple[Place, ...]:
    """Where sessions are given it by ALTER DATABASE and ALTER ROLE."""
    rows = ask(connection, "setting_places", name=name)
    return tuple(Place(row["database"], row["role"], row["setting"]) for row in rows)


def in_place(connection: psycopg.Connection[Any], name: str, database: str, role: str) -> str | None:
    """The text that is stored for this database and role; None when none is."""
    found = [place.text for place in places(connection, name) if (place.database, place.role) == (database, role)]
    return found[0] if found else None


# --- who keeps it ---


def keeper(connection: psycopg.Connection[Any]) -> Keeper | None:
    """Who else writes this server's configuration, as far as it shows; None when nobody does."""
    rights = ask(connection, "setting_rights", name="work_mem")[0]
    with connection.cursor() as cursor:
        row = cursor.execute(load("optischema_tui.core.target", "environment")).fetchone()
    assert row is not None  # a query without FROM answers with one row
    version, roles, extensions, aurora = row
    provider = recognise(
        version=version, version_num=connection.info.server_version, roles=roles, extensions=extensions, aurora=aurora,
        in_recovery=False, pooled=False,
    ).provider  # fmt: skip
    # Nobody is a superuser there: one who is has only restored a dump with the provider's roles.
    if provider is not None and not rights["superuser"]:
        return Keeper(provider.name, provider.settings_place)
    signs = ask(connection, "setting_keeper")[0]
    if (signs["cluster_name"] and signs["cluster_settings"] >= _PATRONI_SETTINGS) or "patroni" in signs["config_file"]:
        cluster = one_line(signs["cluster_name"], 60) or "CLUSTER"
        return Keeper("Patroni", "the cluster's dynamic configuration, which Patroni gives to every node", cluster)
    if signs["allow_alter_system"] == "off":
        return Keeper("allow_alter_system = off", "the files that the server's keeper writes, with a reload after that")
    return None


# --- what is in force ---


class Force(StrEnum):
    YES = "in force"
    RESTART = "waits for a restart"
    OVERRIDDEN = "overridden"
    REFUSED = "refused"
    NOT_YET = "not in force yet"


@dataclass(frozen=True, slots=True)
class Running:
    """Whether sessions that begin now have what the files say; `why` is one sentence."""

    force: Force
    why: str


@contextmanager
def newer_session(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Another session of the same role in the same database, which begins now; it reads only. `connection` itself where
    none can be had: it learns of a reload too, except for what is fixed when a session begins. Driver errors pass."""
    import psycopg

    info = connection.info
    words: dict[str, Any] = {**info.get_parameters(), "application_name": "optischema-tui"}
    if info.password:
        words["password"] = info.password
    try:
        session = psycopg.connect(**words, autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError:  # a limit of connections, or a password that was good for a short while
        yield connection
        return
    with session:
        ask(session, "timeouts", statement=str(_STATEMENT_MS), lock=str(_STATEMENT_MS))
        yield session


def running(connection: psycopg.Connection[Any], name: str, seconds: float = 0.0) -> Running:
    """How what the files say for `name` reaches a session that begins now, looking again for up to `seconds`."""
    deadline = SYSTEM.monotonic() + seconds
    pause = threading.Event()
    while True:
        with newer_session(connection) as session:
            found = _running(session, name)
        if found.force is not Force.NOT_YET or SYSTEM.monotonic() >= deadline:
            return found
        pause.wait(_LOOK_AGAIN)


def _running(session: psycopg.Connection[Any], name: str) -> Running:
    setting = see_setting(session, name)
    if setting is None:
        return Running(Force.REFUSED, f"The server knows no setting {one_line(name, 60)} any more")
    lines = ask(session, "setting_files", name=name)
    wanted = str(lines[-1]["setting"]) if lines else None
    now = shown(setting.shape, setting.now)
    if _as_written(setting, wanted):
        return Running(Force.YES, f"Sessions that begin now have {setting.name} = {now}")
    if setting.pending_restart:
        return Running(
            Force.RESTART,
            f"The server goes on with {setting.name} = {now} until it is restarted; this program never restarts it",
        )
    if by := _overridden_by(session, setting):
        return Running(Force.OVERRIDDEN, f"It is {now} here all the same: {by} wins over the configuration files")
    if lines and lines[-1]["error"]:
        error = one_line(lines[-1]["error"], 200)
        return Running(Force.REFUSED, f"The server refuses the line of {setting.name} in its files: {error}")
    stopping = [row for row in ask(session, "setting_file_errors") if row["stops_all"]]
    if stopping:
        return Running(Force.REFUSED, f"The server applies nothing of its files, because of {told_error(stopping[0])}")
    return Running(Force.NOT_YET, f"Sessions that begin now still have {setting.name} = {now}")


def _as_written(setting: Setting, wanted: str | None) -> bool:
    """Whether the value of a new session is what the files, or their silence, say."""
    if wanted is not None:
        return same_value(setting.shape, wanted, setting.now)
    if setting.source == "session":  # this program has set it for its own session, which hides where it came from
        return setting.now == setting.built_in
    return setting.source in ("default", "override", "environment variable")


def _overridden_by(session: psycopg.Connection[Any], setting: Setting) -> str:
    if setting.source in _OVERRIDES:
        return _OVERRIDES[setting.source]
    info = session.info
    mine = [
        place
        for place in places(session, setting.name)
        if place.database in ("", info.dbname) and place.role in ("", info.user)
    ]
    return f"the setting of {max(mine, key=lambda place: place.nearness)}" if mine else ""


def told_error(row: dict[str, Any]) -> str:
    """A row of setting_file_errors in words."""
    what = f" ({one_line(row['name'], 60)})" if row["name"] else ""
    return f"line {row['line']} of {one_line(row['file'], 120)}{what}: {one_line(row['error'], 200)}"
