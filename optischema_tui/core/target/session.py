"""Sessions through libpq (psycopg): for planning, for reading the catalog, and for changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.target import failures
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

APPLICATION_NAME = "optischema-tui"
NO_FILE = "/nonexistent/optischema-tui"
"""The passfile the drivers are given: the resolver has read the real one; libpq would write warnings to the screen."""
CONNECT_SECONDS = 10
_DEAD_PEER = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""The kernel then ends a connection whose other side fell silent; libpq itself would wait for ever."""
_PACKAGE = "optischema_tui.core.target"


def open_session(
    spec: TargetSpec,
    *,
    autocommit: bool = True,
    read_only: bool = True,
    application_name: str = APPLICATION_NAME,
    statement_timeout_ms: int = 20_000,
    lock_timeout_ms: int = 500,
) -> psycopg.Connection[Any]:
    """A connected session whose guards are set; use it as a context manager. Timeouts of 0 mean none.

    Raises TargetError, AuthError, ServerLost or MissingPart. The limits are set by a query, not as start-up options,
    which connection poolers refuse.
    """
    import psycopg

    timeout = spec.get("connect_timeout")
    params: dict[str, Any] = dict(spec.params) | _DEAD_PEER
    params |= {"passfile": NO_FILE, "application_name": application_name, "client_encoding": "UTF8"}
    params["options"] = ""  # PGOPTIONS would reach this driver only
    params["connect_timeout"] = timeout if timeout.isdigit() and int(timeout) > 0 else CONNECT_SECONDS
    if spec.password:
        params["password"] = spec.password
    try:
        connection = psycopg.connect(**params, autocommit=True, prepare_threshold=None)
    except (psycopg.Error, OSError) as error:
        raise map_error(error, spec) from None
    try:
        connection.execute(
            load(_PACKAGE, "session_guards"),
            ("on" if read_only else "off", str(statement_timeout_ms), str(lock_timeout_ms)),
        )
        connection.autocommit = autocommit
    except (psycopg.Error, OSError) as error:
        connection.close()
        raise map_error(error, spec) from None
    return connection


@contextmanager
def reading(spec: TargetSpec) -> Iterator[psycopg.Connection[Any]]:
    """`open_session`, and what the server says while it is open is raised as the project's errors too."""
    import psycopg

    with open_session(spec) as connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise map_error(error, spec) from error


def map_error(error: psycopg.Error | OSError, spec: TargetSpec) -> OptischemaError:
    """The project's error for a driver's or the system's one. Holds no secret and no raw connection string."""
    if isinstance(error, OSError):
        return failures.from_system(error, spec)
    message = error.diag.message_primary or str(error)
    if error.sqlstate:
        return failures.from_server(error.sqlstate, message, spec)
    return failures.from_text(message, spec)


def identify(connection: psycopg.Connection[Any], label: str = "") -> TargetIdentity:
    """Which database of which cluster this session is in. Driver errors pass through.

    Where the role may not read the system identifier, the address stands in for it.
    """
    row = connection.execute(load(_PACKAGE, "identity")).fetchone()
    assert row is not None  # a query without FROM answers with one row
    version, oid, database, may_read = row
    host, port = connection.info.host, str(connection.info.port)
    system = address_identifier(host, port)
    if may_read:
        answer = connection.execute(load(_PACKAGE, "system_identifier")).fetchone()
        system = str(answer[0]) if answer else system
    return TargetIdentity(system, int(oid), str(database), int(version), label or f"{host}/{database}")


def address_identifier(host: str, port: str) -> str:
    """The name of a cluster that hides its system identifier: its address as the person gave it."""
    return f"at {host}:{port}"
